"""What the account comes to, before anything is in it."""

from cryptonn.paper.accounts import account_steps


def test_before_the_first_epoch_there_is_nothing() -> None:
    assert list(account_steps([], [], base="ETH", quote="USD")) == []
