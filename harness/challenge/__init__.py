"""The CaloChallenge's protocol: two files of showers, scored as its evaluation does (arXiv:2410.21611).

No simulator is run, and rows are never paired. What the challenge called its scores is computed as it did,
faults included, so that they may stand beside the published ones; where a fault makes a number hard to read,
a corrected one stands beside it. May import metrics, data, record and plugin.
"""
