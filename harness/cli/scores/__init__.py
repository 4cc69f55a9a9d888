"""Commands that judge: runs against runs, rankings, files of showers, the metrics themselves.

May import what the command line may, but no other command.
"""
