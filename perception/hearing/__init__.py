"""What sounds and from where: without learning here, learned in `listening`, which loads torch."""

from yanshi.perception.hearing.spectra import FLOOR, WINDOW, log_spectrogram
from yanshi.perception.hearing.steered import SPEED_OF_SOUND, Bearing, srp_phat

__all__ = ["FLOOR", "SPEED_OF_SOUND", "WINDOW", "Bearing", "log_spectrogram", "srp_phat"]
