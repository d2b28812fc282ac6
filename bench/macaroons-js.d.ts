/** The part of `macaroons.js` that is used; it ships no types that its entry point leads to. */
declare module 'macaroons.js' {
  interface Macaroon {
    serialize(): string;
  }
  const macaroonsJs: {
    readonly MacaroonsBuilder: {
      new (location: string, secret: Buffer, identifier: string): MacaroonsBuilder;
      deserialize(text: string): Macaroon;
    };
    readonly MacaroonsVerifier: new (
      macaroon: Macaroon,
    ) => {
      satisfyGeneral(holds: (caveat: string) => boolean): { isValid(secret: Buffer): boolean };
    };
  };
  interface MacaroonsBuilder {
    add_first_party_caveat(caveat: string): MacaroonsBuilder;
    getMacaroon(): Macaroon;
  }
  export = macaroonsJs;
}
