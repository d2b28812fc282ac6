/** What is kept beside an entry of an audit log. */
export interface SidecarRecord {
  /** Hash of the event (`spec/audit.md` section 3), 43 base64url characters; never erased. */
  readonly hash: string;
  /** 22 base64url characters; `undefined` once erased. */
  readonly salt: string | undefined;
  /** What an auditor needs to judge the call again (`spec/audit.md` section 9). */
  readonly evidence: string | undefined;
}

/**
 * Keeps what may have to be erased beside an audit log, by sequence, 1 for the first. A port.
 *
 * - `write` is done when the records are durable, all of them. What stood there before is gone: it was of an append that failed.
 * - `erase` is done when salt and evidence are gone from the medium, as far as the medium can forget. The hash stays.
 * - Nothing in it is believed: what it says of an event is compared with the event.
 */
export interface AuditSidecar {
  write(first: number, records: readonly SidecarRecord[]): Promise<void>;
  read(sequence: number): Promise<SidecarRecord | undefined>;
  erase(sequence: number): Promise<void>;
  close(): Promise<void>;
}
