"""The simulators, detectors, dataset makers and metrics that come with simbench, one adapter a module.

The harness scans this folder and loads each module on its own, by the same hooks that a third party's
package uses; a module that fails to import is named and skipped. They may import the models (baselines,
expertsim) and the harness, not the reports; where a plugin is a package, it may import the modules here.
"""
