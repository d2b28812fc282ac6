const HINTS: Readonly<Record<string, string>> = {
  NotFoundException: 'Check key, region and account.',
  AccessDeniedException:
    'Allow kms:DescribeKey, kms:GetPublicKey and kms:Sign on this key for this principal.',
  DisabledException: 'The key was disabled in KMS. Find out why before you enable it.',
  KMSInvalidStateException: 'The key is disabled or about to be deleted. Find out why at once.',
  ThrottlingException: 'The request quota of KMS is used up: limit the rate, or have it raised.',
  LimitExceededException: 'The request quota of KMS is used up: limit the rate, or have it raised.',
  CredentialsProviderError: 'Give this process credentials of AWS: a role, or the environment.',
  UnrecognizedClientException: 'The credentials are not known to AWS: renew them.',
  InvalidSignatureException:
    'The secret of the credentials is wrong, or the clock of this machine.',
  ExpiredTokenException: 'The credentials have expired: renew them.',
};

/** The name of what went wrong, and nothing else of it: messages and causes of the SDK may hold more than should be logged. */
export function nameOf(cause: unknown): string {
  const { name, code } = (cause ?? {}) as { name?: unknown; code?: unknown };
  for (const each of [name === 'Error' ? code : name, code])
    if (typeof each === 'string' && /^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(each)) return each;
  return 'unknown error';
}

/** What to do about it. */
export function hintFor(cause: unknown): string {
  return (
    HINTS[nameOf(cause)] ??
    'Check the network, the region and the health of AWS KMS. Nothing is signed in its place.'
  );
}
