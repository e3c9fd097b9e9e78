"""The built-in video room in the browser: small cameras, and whether people see and hear each other."""

from time import monotonic

from playwright.sync_api import Locator, Page

# Small pictures, of which many can be coded and decoded on a machine with two cores.
SMALL = """if (navigator.mediaDevices) {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  const small = {width: 160, height: 90, frameRate: 5};
  navigator.mediaDevices.getUserMedia = ({video, ...more}) => real({...more, ...(video && {video: {...video, ...small}})});
}"""
# A picture that is decoded now, and sound that comes with it.
FRAMES = """tile => {
  const video = tile.querySelector("video");
  const sound = tile.querySelector("audio").srcObject?.getAudioTracks()[0];
  const isSeen = tile.dataset.camera === "on" && video.videoWidth > 0;
  return isSeen && sound?.muted === false ? video.getVideoPlaybackQuality().totalVideoFrames : 0;
}"""
# Several browsers code and decode pictures at once, beside other tests.
PATIENCE = 90  # seconds


def small_cameras(page: Page) -> Page:
    """Makes the pictures small on every page that this visitor opens, also in new windows."""
    page.context.add_init_script(SMALL)
    return page


def tile(page: Page, name: str) -> Locator:
    return page.locator(f".tile[data-name='{name}']")


def wait_until_seen(page: Page, name: str, seconds: float = PATIENCE) -> None:
    """Waits until pictures of the person are decoded one after the other, and sound comes."""
    until = monotonic() + seconds
    while monotonic() < until:
        found = tile(page, name)
        if found.count() == 1:
            before = found.evaluate(FRAMES)
            page.wait_for_timeout(500)
            if before and found.evaluate(FRAMES) > before:
                return
        page.wait_for_timeout(100)
    raise AssertionError(f"{name} is not seen: {page.locator('#stage').inner_html()}")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()
