"""A static leaderboard of submissions: pages, badges, a feed and downloads, which no server has to make.

Imports ``text``, ``tables``, ``formats``, ``figures``, the harness; style and script are those of ``page``.
"""
