"""The demo's data: a cast to sign in as, the published history, and a present that moves along with the calendar.

All of it is invented but the published totals in `data/published_2022.csv`. Nothing here runs without MYDESK_DEMO.
"""
