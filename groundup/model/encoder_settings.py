"""What only a model with an encoder has: the stack that reads the source, and two habits of the head.

Written under `encoder` in the settings of a model, whose own depth, heads and hidden are then those of the decoder.
Nothing here needs torch.
"""

from pydantic import Field

from groundup.config import Settings


class EncoderSettings(Settings):
    """The encoder beside a decoder."""

    depth: int = Field(default=4, gt=0, le=1024, description="layers that read the source")
    heads: int = Field(default=0, ge=0, description="queries of a source token in a layer; 0: as in the decoder")
    hidden: int = Field(default=0, ge=0, description="inside the feed-forward of the encoder; 0: as in the decoder")
    scaled_head: bool = Field(default=False, description="whether a tied head reads vectors divided by √width (T5)")
    head_bias: bool = Field(default=False, description="whether each token of the vocabulary has a bias (Marian)")
