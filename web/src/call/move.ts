/** The order of a gapless move: join, publish, hear, be heard, and only then leave; stay if any of that fails. */

/** As long as the coordinator waits for its proof. */
export const FIRST_SOUND_TIMEOUT_MS = 5000;
/** Who is there but silent (no voice, no noise) does not hold up the move: the music of the old room goes on. */
export const SILENT_TIMEOUT_MS = 1500;
export const HEARD_TIMEOUT_MS = 2000;
/** How long both rooms get the microphone once the new one has it: without, up to 95 ms of speech are lost. */
export const OVERLAP_MS = 200;

/** The room that the caller is in. */
export interface OldRoom {
  /** Silences what it plays, or lets it be heard again. */
  fade(isSilent: boolean): void;
  leave(): Promise<void>;
}

/** The room that the caller goes to; every wait is over when its signal is aborted. */
export interface NewRoom extends OldRoom {
  /** Joins with the order's token; gives the name of the room that the token opened. */
  join(): Promise<string>;
  publish(): Promise<void>;
  /** Resolves at the first sound. */
  firstSound(signal: AbortSignal): Promise<void>;
  /** Resolves when somebody who is heard by us is there, sounding or silent. */
  companion(signal: AbortSignal): Promise<void>;
  /** Resolves when somebody there has our microphone. */
  heard(signal: AbortSignal): Promise<void>;
}

export type Moved = { moved: true } | { moved: false; why: string };

export type Wait = (ms: number) => Promise<void>;

export const wait: Wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Moves from `old` to the room of that name; afterwards exactly one of the two is left. Never throws. */
export async function move(old: OldRoom, next: NewRoom, room: string, sleep: Wait = wait): Promise<Moved> {
  try {
    const joined = await within(FIRST_SOUND_TIMEOUT_MS, "join", sleep, () => next.join());
    if (joined !== room) throw new Error("the token opens another room");
    await within(FIRST_SOUND_TIMEOUT_MS, "publish", sleep, () => next.publish());
    if (await hear(next, sleep)) old.fade(true);
    await within(HEARD_TIMEOUT_MS, "be heard", sleep, (signal) => next.heard(signal));
    await sleep(OVERLAP_MS);
  } catch (error) {
    old.fade(false);
    await next.leave().catch(() => undefined);
    return { moved: false, why: error instanceof Error ? error.message : String(error) };
  }
  await old.leave().catch(() => undefined);
  return { moved: true };
}

/** Whether there is a sound; false if somebody is there and silent. Fails if nobody is there. */
function hear(next: NewRoom, sleep: Wait): Promise<boolean> {
  return within(FIRST_SOUND_TIMEOUT_MS, "hear", sleep, (signal) => {
    const sound = next.firstSound(signal).then(() => true);
    const silence = next.companion(signal).then(() => sleep(SILENT_TIMEOUT_MS).then(() => false));
    return Promise.race([sound, silence]);
  });
}

async function within<T>(
  timeoutMs: number,
  step: string,
  sleep: Wait,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const late = sleep(timeoutMs).then(() => Promise.reject(new Error(`could not ${step} in ${timeoutMs} ms`)));
  late.catch(() => undefined);
  try {
    return await Promise.race([act(over.signal), late]);
  } finally {
    over.abort();
  }
}
