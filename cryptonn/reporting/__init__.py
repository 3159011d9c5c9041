"""Metrics, tear sheets, figures and the HTML report."""
