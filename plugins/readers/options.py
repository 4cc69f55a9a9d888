"""What can be said of files by ``--option NAME=VALUE``, by the kind of files."""

ROOT = {
    "tree": "the TTree or RNTuple, unless there is one only",
    "conditions": "branches of the detector's features, in their order; their own names if unsaid",
    "pdg": "branch of the particle's PDG id",
    "image": "branch of a whole response; image unless there are hits",
    "content": "branch of each hit's energy or count",
    "layer": "branch of each hit's layer, by its number",
    "z": "or of its depth from the calorimeter's face",
    "x": "branch of each hit's place",
    "y": "the same across",
    "r": "or of its distance from the axis",
    "phi": "and its angle around it, in radians",
    "row": "branch of each hit's pixel, first index",
    "column": "second index",
}
HITS = tuple(ROOT)[4:]  # those that tell hits
SHOWERDATA = {
    "energies": "unit of the particles' energies, GeV unless said otherwise",
    "points": "unit of the points' energies, GeV unless said otherwise",
    "depth": "what the third column is: layer, or a unit, such as mm, of depths from the calorimeter's face",
}
