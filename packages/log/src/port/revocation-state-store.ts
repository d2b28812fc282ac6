/**
 * Keeps what a revocation authority has made of its log, so that a restart reads only the end of it. A port. Nothing is lost
 * with it: what is not there, or is damaged, is found again in the log.
 *
 * - `load` answers the lines last saved, whole, or `undefined`.
 * - `save` puts lines in the place of those that are there, in one step: at any time there are the old ones or the new ones.
 */
export interface RevocationStateStore {
  load(): Promise<AsyncIterable<string> | undefined>;
  /** @param lines without line ends. */
  save(lines: Iterable<string>): Promise<void>;
}
