/** One room that this page is in: plays what is heard there, publishes the microphone, tells what happens. */

import {
  DisconnectReason,
  LocalAudioTrack,
  type LocalTrackPublication,
  ParticipantKind,
  type RemoteParticipant,
  type RemoteTrack,
  Room,
  RoomEvent,
  Track,
} from "livekit-client";
import type { Microphone } from "./microphone";
import type { NewRoom } from "./move";
import { AHEAD_TRACK, CHAT_TOPIC, END_METHOD, TRANSCRIPTION_TOPIC } from "./wire";

const END_TIMEOUT_MS = 1000;
const POLL_MS = 50;

export interface Words {
  segmentId: string;
  identity: string;
  text: string;
  isFinal: boolean;
}

export interface RoomEars {
  onWords(words: Words): void;
  onSpeakers(identities: string[]): void;
  onPeople(): void;
  /** The room let us go, or the connection is lost for good; `isTaken`: another window came as the same participant. */
  onOver(isTaken: boolean): void;
  onConnection(isUp: boolean): void;
  /** Whether the browser plays sound without a click of its user. */
  onPlayback(isAllowed: boolean): void;
  onRpc?: Record<string, (payload: string) => Promise<string>>;
  onData?(payload: Uint8Array, topic: string): void;
}

export class RoomLink implements NewRoom {
  readonly room = new Room({ publishDefaults: { dtx: true, red: true } });
  isOver = false;
  private isLeft = false;
  private isSilent = false;
  private isHeard = false;
  /** In the room, but not moved there yet. */
  private isAhead = false;
  private publication: LocalTrackPublication | null = null;
  private media: MediaStreamTrack | null = null;
  private forget: () => void = () => undefined;

  constructor(
    private readonly url: string,
    private readonly token: string,
    private readonly microphone: Microphone | null,
    private readonly isMuted: () => boolean,
    private readonly ears: RoomEars,
  ) {
    this.listen();
  }

  /** Be in the room, seen and muted, until `join` and `publish` make it the caller's. */
  async goAhead(): Promise<void> {
    await this.connect();
    if (!this.microphone || this.isLeft) return;
    const track = this.newTrack(this.microphone);
    await track.mute();
    const name = AHEAD_TRACK;
    this.publication = await this.room.localParticipant.publishTrack(track, { source: Track.Source.Microphone, name });
    this.isAhead = true;
  }

  async join(): Promise<string> {
    if (!this.isAhead) await this.connect();
    return this.room.name;
  }

  private async connect(): Promise<void> {
    await this.room.connect(this.url, this.token, { maxRetries: 1 });
    // A join that ended after we had given it up must not leave us in the room.
    if (this.isLeft) await this.room.disconnect();
  }

  async publish(): Promise<void> {
    if (!this.microphone) return;
    if (this.isAhead && !this.isMuted()) {
      this.isAhead = false;
      await this.publication?.unmute();
      return;
    }
    await this.withdrawAhead();
    const track = this.newTrack(this.microphone);
    if (this.isMuted()) await track.mute();
    this.publication = await this.room.localParticipant.publishTrack(track, { source: Track.Source.Microphone });
  }

  /** A caller who is muted proves the move by a track that was not there before. */
  private async withdrawAhead(): Promise<void> {
    const track = this.isAhead ? this.publication?.track : undefined;
    this.isAhead = false;
    this.forget();
    if (track) await this.room.localParticipant.unpublishTrack(track);
  }

  private newTrack(microphone: Microphone): LocalAudioTrack {
    this.media = microphone.clone();
    const track = new LocalAudioTrack(this.media, undefined, true);
    this.forget = microphone.onChange(() => void this.replaceMedia(track));
    return track;
  }

  async setMuted(isMuted: boolean): Promise<void> {
    await (isMuted ? this.publication?.mute() : this.publication?.unmute());
  }

  async heard(signal: AbortSignal): Promise<void> {
    await until(() => this.isHeard || !this.microphone, signal);
  }

  async companion(signal: AbortSignal): Promise<void> {
    await until(() => this.tracks().length > 0, signal);
  }

  async firstSound(signal: AbortSignal): Promise<void> {
    await until(async () => {
      const sounds = await Promise.all(this.tracks().map(hasSound));
      return sounds.includes(true);
    }, signal);
  }

  fade(isSilent: boolean): void {
    this.isSilent = isSilent;
    for (const track of this.tracks()) for (const element of track.attachedElements) element.muted = isSilent;
  }

  async leave(): Promise<void> {
    this.isLeft = true;
    this.forget();
    this.silence();
    await this.room.disconnect(true);
    this.media?.stop();
  }

  /** Tells every agent that this is a hang-up, then leaves; who does not answer learns it by our leaving. */
  async hangUp(): Promise<void> {
    const agents = [...this.room.remoteParticipants.values()].filter((one) => one.kind === ParticipantKind.AGENT);
    const told = agents.map((agent) =>
      this.room.localParticipant.performRpc({
        destinationIdentity: agent.identity,
        method: END_METHOD,
        payload: "",
        responseTimeout: END_TIMEOUT_MS,
      }),
    );
    await Promise.allSettled(told);
    await this.leave();
  }

  async type(text: string): Promise<void> {
    await this.room.localParticipant.sendText(text, { topic: CHAT_TOPIC });
  }

  async send(message: object, topic: string): Promise<void> {
    const payload = new TextEncoder().encode(JSON.stringify(message));
    await this.room.localParticipant.publishData(payload, { reliable: true, topic });
  }

  /** Plays what the browser held back; called from a click. */
  async playSound(): Promise<void> {
    await this.room.startAudio();
  }

  /** Everybody else in the room, by identity. */
  people(): string[] {
    return [...this.room.remoteParticipants.keys()];
  }

  private listen(): void {
    const { room, ears } = this;
    room.on(RoomEvent.TrackSubscribed, (track) => this.play(track));
    room.on(RoomEvent.TrackUnsubscribed, (track) => drop(track));
    room.on(RoomEvent.LocalTrackSubscribed, () => {
      this.isHeard = true;
    });
    room.on(RoomEvent.ActiveSpeakersChanged, (speakers) => ears.onSpeakers(speakers.map((one) => one.identity)));
    for (const event of [RoomEvent.ParticipantConnected, RoomEvent.ParticipantDisconnected] as const) {
      room.on(event, (_: RemoteParticipant) => ears.onPeople());
    }
    room.on(RoomEvent.SignalReconnecting, () => ears.onConnection(false));
    room.on(RoomEvent.Reconnecting, () => ears.onConnection(false));
    room.on(RoomEvent.Reconnected, () => ears.onConnection(true));
    room.on(RoomEvent.AudioPlaybackStatusChanged, (isAllowed) => ears.onPlayback(isAllowed));
    room.on(RoomEvent.Disconnected, (reason) => {
      this.isOver = true;
      this.silence();
      if (!this.isLeft) ears.onOver(reason === DisconnectReason.DUPLICATE_IDENTITY);
    });
    room.on(RoomEvent.DataReceived, (payload, _who, _kind, topic) => ears.onData?.(payload, topic ?? ""));
    room.registerTextStreamHandler(TRANSCRIPTION_TOPIC, (reader, { identity }) => void this.read(reader, identity));
    for (const [method, answer] of Object.entries(ears.onRpc ?? {})) {
      room.registerRpcMethod(method, (call) => answer(call.payload));
    }
  }

  private async read(
    reader: AsyncIterable<string> & { info: { id: string; attributes?: Record<string, string> } },
    identity: string,
  ): Promise<void> {
    const { id, attributes = {} } = reader.info;
    const segmentId = attributes["lk.segment_id"] ?? id;
    let text = "";
    const tell = (isFinal: boolean) => this.ears.onWords({ segmentId, identity, text, isFinal });
    try {
      for await (const piece of reader) {
        text += piece;
        tell(false);
      }
    } catch {
      // The speaker left in the middle of a word: what came is what there is.
    }
    tell(attributes["lk.transcription_final"] !== "false");
  }

  private async replaceMedia(track: LocalAudioTrack): Promise<void> {
    if (!this.microphone || this.isLeft) return;
    const before = this.media;
    this.media = this.microphone.clone();
    await track.replaceTrack(this.media, { userProvidedTrack: true });
    before?.stop();
  }

  private play(track: RemoteTrack): void {
    if (track.kind !== Track.Kind.Audio) return;
    const element = track.attach();
    element.muted = this.isSilent;
    element.hidden = true;
    document.body.append(element);
    this.ears.onPeople();
  }

  private silence(): void {
    for (const track of this.tracks()) drop(track);
  }

  private tracks(): RemoteTrack[] {
    return [...this.room.remoteParticipants.values()]
      .flatMap((one) => [...one.audioTrackPublications.values()])
      .flatMap((publication) => (publication.track ? [publication.track as RemoteTrack] : []));
  }
}

function drop(track: RemoteTrack): void {
  for (const element of track.detach()) element.remove();
}

/** Whether something other than silence was decoded: 50 ms of received, not concealed samples with energy. */
async function hasSound(track: RemoteTrack): Promise<boolean> {
  const report = await track.receiver?.getStats();
  for (const stat of report?.values() ?? []) {
    const { type, totalAudioEnergy = 0, totalSamplesReceived = 0, concealedSamples = 0 } = stat;
    if (type === "inbound-rtp" && totalAudioEnergy > 0 && totalSamplesReceived - concealedSamples > 2400) return true;
  }
  return false;
}

async function until(holds: () => boolean | Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !(await holds())) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
