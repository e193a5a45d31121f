"""Runs watched while they run: metrics come in from the folders of runs, a live page goes out. It reads and never writes."""
