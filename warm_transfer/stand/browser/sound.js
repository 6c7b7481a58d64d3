// Before a page's own code: its microphone is a tone that the test switches, and all that it plays is recorded.
// Calls of test: wtSound.hum(hz), 0 for silence; wtSound.say(base64 of int16 at 16 kHz), again and again without a pause;
// wtSound.heard() gives base64 of int16 at 16 kHz since the page was opened.
(() => {
  if (!navigator.mediaDevices) return; // about:blank
  const RATE_HZ = 16_000;
  const TONE = 0.1;
  const context = new AudioContext({ sampleRate: RATE_HZ });
  addEventListener("click", () => void context.resume(), true);

  const microphone = context.createMediaStreamDestination();
  const level = new GainNode(context, { gain: 0 });
  const tone = new OscillatorNode(context);
  tone.connect(level).connect(microphone);
  tone.start();
  navigator.mediaDevices.getUserMedia = async () => {
    void context.resume(); // a page that was loaded again runs it at its first click
    return new MediaStream(microphone.stream.getTracks().map((track) => track.clone()));
  };

  const blocks = [];
  const recorder = `registerProcessor("ear", class extends AudioWorkletProcessor {
    process([[samples]]) { this.port.postMessage(samples ? samples.slice() : new Float32Array(128)); return true; }
  });`;
  const ready = context.audioWorklet
    .addModule(URL.createObjectURL(new Blob([recorder], { type: "text/javascript" })))
    .then(() => {
      const ear = new AudioWorkletNode(context, "ear", { channelCount: 1, channelCountMode: "explicit" });
      ear.port.onmessage = ({ data }) => blocks.push(data);
      ear.connect(context.destination);
      return ear;
    });

  // What an element plays counts as heard unless the page has muted it.
  const listen = async (element) => {
    const source = context.createMediaStreamSource(element.srcObject);
    const volume = new GainNode(context, { gain: element.muted ? 0 : 1 });
    element.addEventListener("volumechange", () => {
      volume.gain.value = element.muted ? 0 : 1;
    });
    source.connect(volume).connect(await ready);
  };
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) if (node instanceof HTMLMediaElement && node.srcObject) void listen(node);
    }
  }).observe(document, { childList: true, subtree: true });

  window.wtSound = {
    hum(hz) {
      if (hz) tone.frequency.value = hz;
      level.gain.value = hz ? TONE : 0;
    },
    say(text) {
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      const samples = Float32Array.from(new Int16Array(bytes.buffer), (sample) => sample / 32_768);
      const sound = new AudioBuffer({ length: samples.length, sampleRate: RATE_HZ });
      sound.copyToChannel(samples, 0);
      const source = new AudioBufferSourceNode(context, { buffer: sound, loop: true });
      source.connect(microphone);
      source.start();
    },
    heard() {
      const samples = new Int16Array(blocks.length * 128);
      blocks.forEach((block, at) => {
        for (let index = 0; index < 128; index += 1) samples[at * 128 + index] = Math.round(block[index] * 32_767);
      });
      const bytes = new Uint8Array(samples.buffer);
      let text = "";
      for (let at = 0; at < bytes.length; at += 32_768) text += String.fromCharCode(...bytes.subarray(at, at + 32_768));
      return btoa(text);
    },
  };
})();
