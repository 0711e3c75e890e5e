/** The shape of a sound: what the wave draws, from the WAV that the player holds. */

export interface Peaks {
  values: Float32Array; // the greatest deviation in each stretch of the sound, 0 to 1
  seconds: number; // how long the sound is
}

const STRETCH_S = 0.002; // finer than a pixel at the greatest zoom
const MOST_STRETCHES = 40_000;

/** The peaks of a WAV with 16 bits a sample; null for anything else. */
export function peaksOf(wav: ArrayBuffer): Peaks | null {
  const view = new DataView(wav);
  if (wav.byteLength < 12 || tagAt(view, 0) !== "RIFF" || tagAt(view, 8) !== "WAVE") {
    return null;
  }
  let channels = 0;
  let rate = 0;
  let offset = 12;
  while (offset + 8 <= wav.byteLength) {
    const tag = tagAt(view, offset);
    const size = view.getUint32(offset + 4, true);
    const body = offset + 8;
    if (tag === "fmt " && body + 16 <= wav.byteLength) {
      channels = view.getUint16(body + 2, true);
      rate = view.getUint32(body + 4, true);
      if (view.getUint16(body + 14, true) !== 16 || channels === 0 || rate === 0) {
        return null;
      }
    } else if (tag === "data") {
      return channels === 0 ? null : measured(wav, body, Math.min(size, wav.byteLength - body), channels, rate);
    }
    offset = body + size + (size % 2);
  }
  return null;
}

function measured(wav: ArrayBuffer, from: number, bytes: number, channels: number, rate: number): Peaks {
  const count = Math.floor(bytes / 2);
  const samples = from % 2 === 0 ? new Int16Array(wav, from, count) : new Int16Array(wav.slice(from, from + 2 * count));
  const seconds = count / channels / rate;
  const stretches = Math.max(1, Math.min(MOST_STRETCHES, Math.ceil(seconds / STRETCH_S)));
  const values = new Float32Array(stretches);
  for (let stretch = 0; stretch < stretches; stretch++) {
    const end = Math.floor(((stretch + 1) * count) / stretches);
    let most = 0;
    for (let index = Math.floor((stretch * count) / stretches); index < end; index++) {
      const value = samples[index] as number;
      most = Math.max(most, value < 0 ? -value : value);
    }
    values[stretch] = most / 32768;
  }
  return { values, seconds };
}

function tagAt(view: DataView, offset: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((index) => view.getUint8(offset + index)));
}
