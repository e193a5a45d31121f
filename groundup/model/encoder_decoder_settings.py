"""What only a model with an encoder has: the stack that reads the source, and the habits of T5 and of the 2017 paper.

Written under `encoder` in the settings of a model, whose own depth, heads and hidden are those of the decoder.
Nothing here needs torch.
"""

from pydantic import Field, model_validator

from groundup.config import Settings


class EncoderSettings(Settings):
    """The encoder beside a decoder; what is left out is as in the decoder."""

    depth: int = Field(default=4, gt=0, le=1024, description="layers that read the source")
    heads: int = Field(default=0, ge=0, description="queries of a source token in a layer; 0: as in the decoder")
    hidden: int = Field(default=0, ge=0, description="inside the feed-forward of the encoder; 0: as in the decoder")
    buckets: int = Field(default=0, ge=0, description="trained biases of distances (T5); 0: none, scores are scaled")
    furthest: int = Field(default=128, gt=0, description="tokens from which on all distances share the last bucket")
    scaled_embedding: bool = Field(default=False, description="whether vectors are multiplied by √width (2017)")
    scaled_head: bool = Field(default=False, description="whether they are divided by √width before the head (T5)")
    head_bias: bool = Field(default=False, description="whether each token of the vocabulary has a bias (Marian)")

    @model_validator(mode="after")
    def _check(self) -> "EncoderSettings":
        if self.buckets and (self.buckets < 4 or self.buckets % 2):
            raise ValueError(
                f"encoder.buckets is {self.buckets}: half of them are for what comes later, and of each half again "
                f"half for single distances; choose an even number from 4, such as 32"
            )
        if self.buckets and self.furthest <= self.buckets // 2:
            raise ValueError(
                f"encoder.furthest is {self.furthest}: the first {self.buckets // 2} distances have a bucket each "
                f"already; it must be greater"
            )
        return self
