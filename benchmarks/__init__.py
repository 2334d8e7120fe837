"""What the service costs, each figure beside a peer or the bare limit measured in the same run: `python -m benchmarks`."""
