"""The room where a person sees a corpus: its documents one by one, why some went, and what its card says of all."""
