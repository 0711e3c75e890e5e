/** Renders an element anew whenever something that it shows has changed. */
import type { ReactiveController, ReactiveControllerHost } from "lit";

/** Follows the "change" events of what `sources` names; asked anew at each update, since properties come late. */
export class Following implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  readonly #sources: () => (EventTarget | undefined)[];
  readonly #followed = new Set<EventTarget>();
  readonly #changed = () => this.#host.requestUpdate();

  constructor(host: ReactiveControllerHost, sources: () => (EventTarget | undefined)[]) {
    this.#host = host;
    this.#sources = sources;
    host.addController(this);
  }

  hostConnected(): void {
    this.#follow();
  }

  hostUpdate(): void {
    this.#follow();
  }

  hostDisconnected(): void {
    for (const source of this.#followed) source.removeEventListener("change", this.#changed);
    this.#followed.clear();
  }

  #follow(): void {
    for (const source of this.#sources()) {
      if (!source || this.#followed.has(source)) continue;
      source.addEventListener("change", this.#changed);
      this.#followed.add(source);
    }
  }
}

export function following(host: ReactiveControllerHost, sources: () => (EventTarget | undefined)[]): Following {
  return new Following(host, sources);
}
