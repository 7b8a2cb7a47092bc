"""Pictures that nothing is known of, in the place of photographs: fields of noise as nature has it, seen through tints and blur."""
import numpy as np
from PIL import Image, ImageFilter


def field(draws, h, w, slope):
    """Noise whose power falls with frequency, as that of photographs does; 0..1."""
    fy, fx = np.fft.fftfreq(h)[:, None], np.fft.rfftfreq(w)[None]
    power = np.maximum(np.hypot(fy, fx), 1 / max(h, w)) ** -slope
    wave = power * np.exp(2j * np.pi * draws.random(power.shape))
    out = np.fft.irfft2(wave, (h, w))
    low, high = np.quantile(out, (0.02, 0.98))
    return np.clip((out - low) / (high - low + 1e-9), 0, 1)


def scene(rng, size):
    draws = np.random.default_rng(rng.getrandbits(32))
    w, h = min(size[0], 384), min(size[1], 384)
    light, tint = field(draws, h, w, draws.uniform(0.9, 1.7)), field(draws, h, w, draws.uniform(1.2, 2.2))
    if draws.random() < 0.5:  # objects with edges: places where one field is above a height get another light
        over = field(draws, h, w, 2.2) > draws.uniform(0.3, 0.7)
        light = np.where(over, light * draws.uniform(0.3, 0.8), 1 - (1 - light) * draws.uniform(0.3, 0.9))
    if draws.random() < 0.4:  # a sky
        light = light * 0.6 + 0.4 * np.linspace(1, 0, h)[:, None]
    ends = draws.integers(0, 256, (2, 3)) * 0.7 + 40
    colour = ends[0] * tint[..., None] + ends[1] * (1 - tint[..., None])
    pixels = np.clip(colour * (0.25 + 1.1 * light[..., None]), 0, 255).astype(np.uint8)
    image = Image.fromarray(pixels)
    if draws.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(draws.uniform(0.5, 2)))
    return image.resize(size, Image.BILINEAR)
