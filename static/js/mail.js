// Makes the frame of a mail as high as the mail, so that nothing of it is cut off. The mail itself runs no scripts.

const frame = document.querySelector(".mail__frame");

function fit() {
  const mail = frame.contentDocument?.documentElement;
  if (!mail) return;
  frame.style.height = "0";
  frame.style.height = `${mail.scrollHeight + frame.offsetHeight}px`; // at this moment its own height is that of its borders
}

if (frame) {
  frame.addEventListener("load", fit);
  addEventListener("resize", fit);
  fit();
}
