// The room of a video call at a LiveKit server. The library does the call; this shows who is there and what is on.

const { Room, RoomEvent, Track } = window.LivekitClient;

const call = document.querySelector("#call");
const people = document.querySelector("#call-people");
const buttons = document.querySelector("#call-buttons");
const sound = document.querySelector("#call-sound");
const devices = [...buttons.querySelectorAll("[data-device]")];
const room = new Room({ adaptiveStream: true, dynacast: true });

function say(state) {
  for (const text of document.querySelectorAll("#call-state [data-state]")) text.hidden = text.dataset.state !== state;
}

function sayWhoIsThere() {
  say(room.remoteParticipants.size ? "together" : "alone");
}

function place(participant) {
  const known = [...people.children].find((item) => item.dataset.identity === participant.identity);
  if (known) return known;
  const item = document.querySelector("#call-person").content.firstElementChild.cloneNode(true);
  item.dataset.identity = participant.identity;
  const name = participant.isLocal ? document.querySelector("#call-you").textContent : participant.name;
  item.querySelector(".call-person__name").textContent = name;
  people.append(item);
  return item;
}

function show(track, participant) {
  if (track.kind === Track.Kind.Video) track.attach(place(participant).querySelector("video"));
  else if (!participant.isLocal) place(participant).append(track.attach());
}

function hide(track, participant) {
  for (const element of track.detach()) if (element instanceof HTMLAudioElement) element.remove();
  const camera = participant.getTrackPublication(Track.Source.Camera)?.track;
  if (track.source === Track.Source.ScreenShare && camera) show(camera, participant);
}

function leave(participant) {
  place(participant).remove();
  sayWhoIsThere();
}

function showDevices() {
  for (const button of devices) button.setAttribute("aria-pressed", room.localParticipant[`is${button.dataset.device}Enabled`]);
}

async function turn(device, on) {
  try {
    await room.localParticipant[`set${device}Enabled`](on);
    if (on && device !== "ScreenShare") document.querySelector("#call-devices").hidden = true;
  } catch {
    // Somebody who shows no screen has changed their mind; camera and microphone are another matter.
    if (device !== "ScreenShare") document.querySelector("#call-devices").hidden = false;
  }
  showDevices();
}

room
  .on(RoomEvent.ParticipantConnected, (participant) => (place(participant), sayWhoIsThere()))
  .on(RoomEvent.ParticipantDisconnected, leave)
  .on(RoomEvent.TrackSubscribed, (track, _publication, participant) => show(track, participant))
  .on(RoomEvent.TrackUnsubscribed, (track, _publication, participant) => hide(track, participant))
  .on(RoomEvent.LocalTrackPublished, (publication, participant) => (show(publication.track, participant), showDevices()))
  .on(RoomEvent.LocalTrackUnpublished, (publication, participant) => (hide(publication.track, participant), showDevices()))
  .on(RoomEvent.TrackMuted, showDevices)
  .on(RoomEvent.TrackUnmuted, showDevices)
  .on(RoomEvent.AudioPlaybackStatusChanged, () => (sound.hidden = room.canPlaybackAudio))
  .on(RoomEvent.Reconnecting, () => say("again"))
  .on(RoomEvent.Reconnected, sayWhoIsThere)
  .on(RoomEvent.Disconnected, () => (say("ended"), (buttons.hidden = true), people.replaceChildren()));

for (const button of devices) {
  const { device } = button.dataset;
  button.addEventListener("click", () => turn(device, button.getAttribute("aria-pressed") !== "true"));
  if (device === "ScreenShare") button.hidden = !navigator.mediaDevices?.getDisplayMedia;
}
sound.addEventListener("click", () => room.startAudio());
addEventListener("pagehide", () => room.disconnect());
// A page that comes back from the browser's memory has no call any more.
addEventListener("pageshow", (event) => event.persisted && location.reload());

try {
  await room.connect(call.dataset.server, call.dataset.token);
  buttons.hidden = false;
  place(room.localParticipant);
  for (const participant of room.remoteParticipants.values()) place(participant);
  sayWhoIsThere();
  await turn("Microphone", true);
  await turn("Camera", true);
} catch {
  say("failed");
}
