"""A bank of instruments: by name, by General MIDI program, and on disk as one checkpoint (``corpora.checkpoints``).

``config.json`` holds ``"kind": "ddsp"``, the configs of the instruments, and what the model card says of each, so that a
bank to which an instrument is added can be described anew.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from torch import nn

from corpora.checkpoints import StoreAs, find_weights, load_checkpoint, save_checkpoint
from corpora.errors import CheckpointError, RequestError
from render.ddsp.card import bank_card
from render.ddsp.instrument import Instrument, InstrumentConfig

__all__ = ["DEFAULT_BANK", "InstrumentBank", "load_bank"]

DEFAULT_BANK = "ddsp"
KIND = "ddsp"
SECTIONS = {  # programs of sections: who of the bank plays them goes by register
    **dict.fromkeys((44, 48, 49, 50, 51), ("violin", "viola", "cello", "contrabass")),  # strings
    61: ("trumpet", "horn", "trombone", "tuba"),
    62: ("trumpet", "trombone"),
    63: ("trumpet", "trombone"),
}


class InstrumentBank(nn.Module):
    """Instruments by name.

    Args:
        instruments: With names of their own.
        about: For each name what the model card says of it: strings by "source", "licence", "training", "command" and the figures
            under "figures".

    Example:
        >>> bank = InstrumentBank([Instrument(InstrumentConfig.tiny())])
        >>> bank.for_program(40, 69.0).config.name
        'violin'
    """

    def __init__(self, instruments: list[Instrument], about: dict[str, dict[str, Any]] | None = None) -> None:
        super().__init__()
        names = [instrument.config.name for instrument in instruments]
        if len(set(names)) < len(names):
            raise RequestError(f"bank: expected instruments with names of their own, got {', '.join(names)}")
        self.instruments = nn.ModuleDict(dict(zip(names, instruments, strict=True)))
        self.about = about or {}

    @classmethod
    def tiny(cls) -> InstrumentBank:
        """One random instrument that builds in milliseconds, for tests and examples."""
        return cls([Instrument(InstrumentConfig.tiny())]).eval()

    def names(self) -> tuple[str, ...]:
        """Of the instruments."""
        return tuple(self.instruments)

    def get(self, name: str) -> Instrument:
        """The instrument of a name.

        Raises:
            RequestError: There is none.
        """
        if name not in self.instruments:
            raise RequestError(f"no DDSP instrument '{name}': expected one of {', '.join(self.names())}")
        instrument: Instrument = self.instruments[name]  # type: ignore[assignment]
        return instrument

    def for_program(self, program: int, typical_key: float) -> Instrument | None:
        """Who plays a General MIDI program: the instrument that names it, or of a section the one whose middle is nearest.

        Args:
            program: From 0.
            typical_key: Where the part lies, for sections.

        Returns:
            None where the bank has nothing near.
        """
        for instrument in self._all():
            if program in instrument.config.programs:
                return instrument
        section = [instrument for instrument in self._all() if instrument.config.name in SECTIONS.get(program, ())]
        if not section:
            return None
        return min(section, key=lambda one: abs((one.config.low_key + one.config.high_key) / 2 - typical_key))

    def _all(self) -> list[Instrument]:
        return [self.get(name) for name in self.names()]

    def added(self, other: InstrumentBank) -> InstrumentBank:
        """This bank with the instruments of another one, which replace those of the same names."""
        mine = [self.get(name) for name in self.names() if name not in other.instruments]
        both = sorted([*mine, *other._all()], key=lambda instrument: (instrument.config.programs, instrument.config.name))
        return InstrumentBank(both, {**self.about, **other.about})

    def save_pretrained(self, folder: str | Path, store_as: StoreAs = "int8") -> None:
        """Write weights, config and model card as a checkpoint folder.

        Raises:
            CheckpointError: As ``corpora.checkpoints.save_checkpoint``.
        """
        config = {"kind": KIND, "instruments": [each.config.to_dict() for each in self._all()], "about": self.about}
        tensors = {name.removeprefix("instruments."): tensor for name, tensor in self.state_dict().items()}
        save_checkpoint(folder, tensors, config, bank_card([each.config for each in self._all()], self.about), store_as=store_as)

    @classmethod
    def from_pretrained(cls, name: str | Path = DEFAULT_BANK) -> InstrumentBank:
        """A bank by the name of weights that come with the package, or from a folder.

        Raises:
            CheckpointError: Not there, or weights and config do not fit.
        """
        checkpoint = load_checkpoint(find_weights(name))
        if checkpoint.config.get("kind") != KIND:
            raise CheckpointError(f"{name}: config.json says kind {checkpoint.config.get('kind')!r}, expected {KIND!r}")
        try:
            configs = [InstrumentConfig.from_dict(values) for values in checkpoint.config["instruments"]]
            bank = cls([Instrument(config) for config in configs], checkpoint.config.get("about", {}))
            bank.load_state_dict({f"instruments.{key}": tensor for key, tensor in checkpoint.tensors.items()})
        except (TypeError, ValueError, KeyError, RuntimeError, RequestError) as error:
            raise CheckpointError(f"{name}: weights and config do not fit: {error}") from None
        return bank.eval()


@lru_cache(maxsize=2)
def load_bank(name: str = DEFAULT_BANK) -> InstrumentBank:
    """``InstrumentBank.from_pretrained``, kept."""
    return InstrumentBank.from_pretrained(name)
