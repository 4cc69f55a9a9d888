"""Readers of the files that users have, one plugin: a module for each kind, imported when a file is read.

May import the plugins' detectors (zdc, calochallenge), whose conditions they fill, and the harness.
"""

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module

from simbench.harness.hooks import DatasetReader, ReadRequest, Responses, hookimpl

from ..calochallenge import DETECTORS
from .find import (
    calochallenge_reference,
    find_calochallenge,
    find_expertsim,
    find_npz,
    find_root,
    find_showerdata,
    find_zdcfastsim,
)
from .options import ROOT as ROOT_OPTIONS
from .options import SHOWERDATA as SHOWERDATA_OPTIONS

ZDC = ("proton", "neutron")
_ALICE = "A user's responses of ALICE's ZDC"


def _lazily(module: str, function: str) -> Callable[[ReadRequest], Iterator[Responses]]:
    def read(request: ReadRequest) -> Iterator[Responses]:
        answer: Iterator[Responses] = getattr(import_module(f".{module}", __package__), function)(request)
        return answer

    return read


@hookimpl
def simbench_readers() -> Iterable[DatasetReader]:
    """ALICE's files in the forms that published models were trained on, our own, and the CaloChallenge's."""
    yield DatasetReader(
        name="expertsim",
        title="ExpertSim and SDI-GAN pickles",
        files="IMAGES CONDITIONS [POSITIONS]",
        read=_lazily("expertsim", "read_expertsim"),
        provenance=_ALICE,
        detectors=ZDC,
        find=find_expertsim,
    )
    for name, author, more in (("wojnar", "Wojnar", ""), ("majerz", "Majerz", "_photonsum")):
        yield DatasetReader(
            name=name,
            title=f"NumPy pairs of {author} et al.",
            files="RESPONSES PARTICLES",
            read=_lazily("npz", f"read_{name}"),
            provenance=_ALICE,
            detectors=ZDC,
            find=find_npz(more),
        )
    yield DatasetReader(
        name="zdcfastsim",
        title="Text extracted by zdcfastsim from O2's full simulation",
        files="EXAMPLES IMAGES [EXAMPLES IMAGES ...]",
        read=_lazily("text", "read_zdcfastsim"),
        provenance=_ALICE,
        detectors=ZDC,
        find=find_zdcfastsim,
    )
    yield DatasetReader(
        name="simbench",
        title="simbench's own HDF5",
        files="FILE [FILE ...]",
        read=_lazily("hdf5", "read_simbench"),
        provenance="Responses of other datasets",
    )
    yield DatasetReader(
        name="calochallenge",
        title="CaloChallenge HDF5",
        files="FILE [FILE ...]",
        read=_lazily("hdf5", "read_calochallenge"),
        provenance="A user's showers of the CaloChallenge",
        detectors=tuple(DETECTORS),
        find=find_calochallenge,
        test_file=calochallenge_reference,
    )
    yield DatasetReader(
        name="root",
        title="ROOT: a TTree or an RNTuple, by uproot",
        files="FILE [FILE ...]",
        read=_lazily("root", "read_root"),
        provenance="A user's ROOT files",
        find=find_root,
        options=ROOT_OPTIONS,
    )
    yield DatasetReader(
        name="showerdata",
        title="HDF5 of the package showerdata: showers as clouds of points",
        files="FILE [FILE ...]",
        read=_lazily("showerdata", "read_showerdata"),
        provenance="A user's showers as points",
        detectors=("calochallenge-electrons", "calochallenge-electrons-fine"),
        find=find_showerdata,
        options=SHOWERDATA_OPTIONS,
    )
