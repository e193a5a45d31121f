"""What a mixture of experts is made of, as recipes and other people's files say it. Nothing here needs torch."""

from typing import Literal

from pydantic import Field, model_validator

from groundup.config import Settings


class ExpertsSettings(Settings):
    """Many feed-forwards in a layer, of which each token goes through a few."""

    count: int = Field(default=8, gt=0, le=4096, description="experts in a layer")
    chosen: int = Field(default=2, gt=0, description="experts that each token goes through")
    hidden: int = Field(default=0, ge=0, description="inside an expert; 0: as inside the ordinary feed-forward")
    shared: int = Field(default=0, ge=0, description="inside one more that every token goes through; 0: there is none")
    router: Literal["softmax", "sigmoid"] = Field(
        default="softmax", description="whether experts compete for a token, or each rates it alone"
    )
    normalise: bool = Field(default=True, description="whether the shares of the chosen sum to one")
    scale: float = Field(default=1.0, gt=0, description="factor on the shares")
    groups: int = Field(default=1, gt=0, description="groups that experts are divided into")
    chosen_groups: int = Field(
        default=1,
        gt=0,
        description="groups that a token may choose from: by their best expert, or, if sigmoid, best two",
    )
    dense: int = Field(default=0, ge=0, description="first layers that keep one ordinary feed-forward")
    correction: bool = Field(
        default=False, description="whether a bias that no gradient changes takes part in the choice, to spread tokens"
    )

    @model_validator(mode="after")
    def _check(self) -> "ExpertsSettings":
        if self.chosen > self.count:
            raise ValueError(f"experts.chosen: {self.chosen} cannot be chosen of {self.count} experts")
        if self.count % self.groups:
            raise ValueError(f"experts.groups: {self.groups} groups do not divide {self.count} experts")
        if self.chosen_groups > self.groups:
            raise ValueError(f"experts.chosen_groups: {self.chosen_groups} cannot be chosen of {self.groups} groups")
        if self.chosen > self.chosen_groups * self.group:
            raise ValueError(
                f"experts.chosen: {self.chosen_groups} groups of {self.group} have fewer than {self.chosen} experts"
            )
        if self.groups > 1 and self.router == "sigmoid" and self.group < 2:
            raise ValueError(
                f"experts.groups: groups are rated by their two best experts, and {self.groups} have but one"
            )
        return self

    @property
    def group(self) -> int:
        """Experts in a group."""
        return self.count // self.groups
