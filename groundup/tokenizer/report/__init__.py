"""What a tokenizer makes of texts, in figures and examples: for the report of a run, and for a page of its own."""

from groundup.tokenizer.report.figures import report, segmented, shown

__all__ = ["report", "segmented", "shown"]
