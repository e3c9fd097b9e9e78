"""The demo's data: a cast of users, the published history, and a present that moves with the calendar.

Everything is invented except the published totals in `data/published_2022.csv`. Nothing here runs without MYDESK_DEMO.
"""
