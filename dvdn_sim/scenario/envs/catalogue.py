"""Which environments there are."""

from typing import Annotated

from pydantic import Field

from dvdn_sim.scenario.envs.lbf import Lbf, LbForaging
from dvdn_sim.scenario.envs.marbler import ArcticTransport, MaterialTransport, PredatorCapturePrey, Warehouse
from dvdn_sim.scenario.envs.mpe import MpeAdversary, MpeSpread, MpeTag
from dvdn_sim.scenario.envs.ring import Relay, Sorting
from netmodels.units import kinds_of

AnyParticles = MpeSpread | MpeAdversary | MpeTag
AnyMarbler = ArcticTransport | MaterialTransport | PredatorCapturePrey | Warehouse
AnyRing = Sorting | Relay
AnyEnv = Annotated[Lbf | AnyParticles | AnyMarbler | AnyRing | LbForaging, Field(discriminator="kind")]
"""The catalogue."""
ENVS = kinds_of(AnyEnv)
