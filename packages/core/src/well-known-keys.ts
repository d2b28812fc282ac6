/** The `x` members of public keys whose private half is printed somewhere for everybody to read. */
export const WELL_KNOWN_TEST_KEYS: ReadonlySet<string> = new Set([
  // RFC 8032 section 7.1: tests 1 (also RFC 8037 appendix A), 2, 3, 1024, SHA(abc)
  '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  'PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw',
  '_FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU',
  'J4EX_BRMcjQPZ9DyMW6Dhs7_vyskKMnFH-98WX8dQm4',
  '7Bcrk61eVjv0kyxw4SRQNMNUZ-8u_U1k6_gZaDRn4r8',
  // RFC 9421 appendix B.1: test-key-ed25519, test-key-ecc-p256
  'JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs',
  'qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA',
  // RFC 7515 appendix A.3, RFC 7517 appendix A.1, RFC 6979 appendix A.2.5 (all P-256)
  'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
  'YP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Y',
  // The ES256 key of jwt.io; RFC 7518 appendix C: Alice and Bob (all P-256)
  'EVs_o5-uQbTjL3chynL4wXgUg2R9q9UU8I5mEovUf84',
  'gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0',
  'weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ',
  // The signed note key "PeterNeumann" of the Go note package's documentation
  'GlzZBxQ8OExB6DDFvOEqqIF-xWSaqr8sMTiLNbLXRNY',
  // Ed25519 seeds of 32 times one byte: 00, ff, and the 01 to 04 of the AAT vectors
  'O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik',
  'dqFZIESm5PURJlvKc6YE2QsFKdHfYCvjChmpJXZg0fU',
  'iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w',
  'gTl3Dqh9F19Wo1Rmw0x-zMuNipG07jeiXfYPW4_Js5Q',
  '7UkoxijRwsbq6QM4kFmVYSlZJzpcY_k2NsFGFKyHN9E',
  'ypOsFwUYcHHWe4PH_w7-gQjo7EUwV113JoeTM9vavnw',
]);
