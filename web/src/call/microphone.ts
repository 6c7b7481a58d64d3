/** The caller's or desk's microphone: one capture, cloned into every room, so that a move never stops it. */

const SOUND: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

export class Microphone {
  private listeners = new Set<() => void>();
  private tracks = new Set<MediaStreamTrack>();
  private context: AudioContext | null = null;
  private meter: AnalyserNode | null = null;
  private samples = new Float32Array(512);

  private constructor(private capture: MediaStreamTrack) {
    this.watch();
  }

  /** Asks for the microphone; a DOMException says why there is none. */
  static async open(deviceId?: string): Promise<Microphone> {
    return new Microphone(await captured(deviceId));
  }

  get deviceId(): string {
    return this.capture.getSettings().deviceId ?? "";
  }

  /** A track for one more room; stop it when the room is left. */
  clone(): MediaStreamTrack {
    const track = this.capture.clone();
    this.tracks.add(track);
    return track;
  }

  /** Captures with another device; calls back so that rooms replace their track. */
  async use(deviceId: string): Promise<void> {
    const before = this.capture;
    this.capture = await captured(deviceId);
    before.stop();
    this.watch();
    for (const listener of this.listeners) listener();
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Loudness now, 0 to 1, on a scale that follows the ear. */
  level(): number {
    if (!this.meter) return 0;
    this.meter.getFloatTimeDomainData(this.samples);
    const energy = this.samples.reduce((sum, sample) => sum + sample * sample, 0) / this.samples.length;
    return scaled(Math.sqrt(energy));
  }

  close(): void {
    this.capture.stop();
    for (const track of this.tracks) track.stop();
    void this.context?.close();
    this.context = null;
    this.meter = null;
  }

  private watch(): void {
    this.context ??= new AudioContext();
    void this.context.resume();
    this.meter = this.context.createAnalyser();
    this.meter.fftSize = this.samples.length;
    this.context.createMediaStreamSource(new MediaStream([this.capture])).connect(this.meter);
  }
}

/** The microphones by name; labels are there once the page may use one. */
export async function microphones(): Promise<MediaDeviceInfo[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter((device) => device.kind === "audioinput" && device.deviceId);
}

/** -60 dBFS to -10 dBFS as 0 to 1. */
export function scaled(rms: number): number {
  if (rms <= 0) return 0;
  return Math.min(1, Math.max(0, (20 * Math.log10(rms) + 60) / 50));
}

/** What a person can do about a microphone that can't be used. */
export function microphoneAdvice(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError") return "The microphone is blocked for this page: allow it in the address bar.";
  if (name === "NotFoundError") return "No microphone was found: connect one, or type instead.";
  if (name === "NotReadableError") return "Another program has the microphone: close it and try again.";
  return "The microphone can't be used in this browser.";
}

async function captured(deviceId?: string): Promise<MediaStreamTrack> {
  if (!navigator.mediaDevices) throw new DOMException("not a secure context", "NotSupportedError");
  const audio = deviceId ? { ...SOUND, deviceId: { exact: deviceId } } : SOUND;
  const stream = await navigator.mediaDevices.getUserMedia({ audio });
  const [track] = stream.getAudioTracks();
  if (!track) throw new DOMException("no audio track", "NotFoundError");
  return track;
}
