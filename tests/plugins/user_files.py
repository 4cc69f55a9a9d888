"""Writes responses in the forms that users have them, and says what an import of them should hold."""

import numpy as np

HEADER = "Detector,Pdg,Energy,Vx,Vy,Vz,Px,Py,Pz,PhotonSum"


def wojnar(folder, showers, conditions, pdg, dtype=np.float64):
    """RESPONSES PARTICLES; responses as they come out of numpy.loadtxt, in double precision."""
    responses, particles = folder / "data_nonrandom_responses.npz", folder / "data_nonrandom_particles.npz"
    np.savez(responses, showers.astype(dtype))
    np.savez(particles, np.column_stack([conditions.astype(np.float64), pdg]))
    return responses, particles


def majerz(folder, showers, conditions, pdg):
    responses = folder / "data_neutron_nonrandom_responses.npz"
    particles = folder / "data_nonrandom_particles_photonsum.npz"
    np.savez_compressed(responses, showers)
    np.savez(particles, np.column_stack([conditions.astype(np.float64), pdg, showers.sum(axis=(1, 2))]))
    return responses, particles


def zdcfastsim(folder, showers, conditions, pdg, detector, suffix=""):
    """EXAMPLES IMAGES of one detector; the other one saw three photons each."""
    examples, images = folder / f"non_zero_examples{suffix}.txt", folder / f"{detector}_image{suffix}.txt"
    sums = showers.sum(axis=(1, 2), dtype=np.int64)
    with examples.open("w") as file:
        file.write(HEADER + "\n")
        for row, number, light in zip(conditions, pdg, sums, strict=True):
            particle = ",".join([str(number), *(f"{value:.9g}" for value in row[:7])])
            for letter in "NP":
                seen = light if letter == detector[0].upper() else 3
                file.write(f"{letter},{particle},{seen}\n")
    with images.open("w") as file:
        for image in showers:
            for line in image.tolist():
                file.write(" ".join(map(str, line)) + " \n")
    return examples, images


def calochallenge(path, showers, energies):
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("incident_energies", data=energies.reshape(-1, 1), compression="gzip")
        file.create_dataset("showers", data=showers.reshape(len(showers), -1), compression="gzip")
    return (path,)
