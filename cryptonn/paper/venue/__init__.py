"""The one place that holds keys and talks to an exchange about orders: sandboxes only,
every reply checked.
"""
