export { type AwsKmsSigner, type AwsKmsSignerOptions, openAwsKmsSigner } from './signer.ts';
