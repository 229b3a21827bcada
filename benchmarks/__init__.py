"""Simulators, calibration report and engine benchmark: `python -m benchmarks.calibration`, `… benchmarks.engines`."""
