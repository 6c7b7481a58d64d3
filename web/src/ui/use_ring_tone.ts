import { useEffect } from "react";

const EVERY_MS = 2000;

/** Rings softly, and in the title of the page, while `isRinging`. */
export function useRingTone(isRinging: boolean): void {
  useEffect(() => {
    if (!isRinging) return;
    const title = document.title;
    document.title = "● Ringing";
    const context = new AudioContext();
    const ring = () => {
      for (const [index, pitch] of [659, 523].entries()) chime(context, pitch, context.currentTime + index * 0.25);
    };
    ring();
    const timer = setInterval(ring, EVERY_MS);
    return () => {
      clearInterval(timer);
      void context.close();
      document.title = title;
    };
  }, [isRinging]);
}

function chime(context: AudioContext, pitchHz: number, at: number): void {
  const tone = new OscillatorNode(context, { frequency: pitchHz });
  const loudness = new GainNode(context, { gain: 0 });
  loudness.gain.setValueAtTime(0.12, at);
  loudness.gain.exponentialRampToValueAtTime(0.001, at + 0.5);
  tone.connect(loudness).connect(context.destination);
  tone.start(at);
  tone.stop(at + 0.5);
}
