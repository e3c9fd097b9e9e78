"""What browsers let our pages use: nothing of a device, except what a page is there for."""

# Camera, microphone, place, sensors, payment and so on. Not here is what pages need: autoplay, fullscreen, clipboard-write.
_NAMES = """
accelerometer bluetooth browsing-topics camera clipboard-read compute-pressure display-capture encrypted-media gamepad
geolocation gyroscope hid identity-credentials-get idle-detection interest-cohort keyboard-map local-fonts magnetometer
microphone midi otp-credentials payment publickey-credentials-create publickey-credentials-get screen-wake-lock serial
speaker-selection usb web-share window-management xr-spatial-tracking
"""
_POWERS = _NAMES.split()


def permissions_policy(*needed: str) -> str:
    """Returns the header `Permissions-Policy` of a page that uses these by itself. Frames of others never may."""
    return ", ".join(f"{power}=({'self' if power in needed else ''})" for power in _POWERS)
