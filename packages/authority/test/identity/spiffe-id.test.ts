import { describe, expect, it } from 'vitest';
import {
  agentSpiffeId,
  isAgentName,
  isTrustDomain,
  readAgentSpiffeId,
  readSpiffeId,
  type SpiffeIdProblem,
} from '../../src/identity/spiffe-id.ts';

const REFUSED: readonly (readonly [string, SpiffeIdProblem])[] = [
  ['', 'empty'],
  ['spiffe:/example.org/a', 'scheme'],
  ['SPIFFE://example.org/a', 'scheme'],
  ['https://example.org/a', 'scheme'],
  [' spiffe://example.org/a', 'scheme'],
  ['spiffe://', 'trust_domain_missing'],
  ['spiffe:///a', 'trust_domain_missing'],
  ['spiffe://Example.org/a', 'trust_domain_character'],
  ['spiffe://user@example.org/a', 'trust_domain_character'],
  ['spiffe://example.org:443/a', 'trust_domain_character'],
  ['spiffe://ex%61mple.org/a', 'trust_domain_character'],
  ['spiffe://bücher.example/a', 'trust_domain_character'],
  ['spiffe://example.org?a', 'trust_domain_character'],
  ['spiffe://example.org#a', 'trust_domain_character'],
  ['spiffe://example.org\\a', 'trust_domain_character'],
  ['spiffe://example.org\n', 'trust_domain_character'],
  ['spiffe://example.org/', 'trailing_slash'],
  ['spiffe://example.org/a/', 'trailing_slash'],
  ['spiffe://example.org//a', 'segment_empty'],
  ['spiffe://example.org/a//b', 'segment_empty'],
  ['spiffe://example.org/./a', 'segment_dots'],
  ['spiffe://example.org/a/..', 'segment_dots'],
  ['spiffe://example.org/%61', 'segment_character'],
  ['spiffe://example.org/a?b', 'segment_character'],
  ['spiffe://example.org/a#b', 'segment_character'],
  ['spiffe://example.org/a:b', 'segment_character'],
  ['spiffe://example.org/ä', 'segment_character'],
  ['spiffe://example.org/a\u0000', 'segment_character'],
  ['spiffe://example.org/a\n', 'segment_character'],
  [`spiffe://${'a'.repeat(256)}/a`, 'trust_domain_too_long'],
  [`spiffe://example.org/${'a'.repeat(2048)}`, 'too_long'],
];

describe('SPIFFE ID (F09)', () => {
  it.each(REFUSED)('refuses %j: %s', (text, problem) => {
    expect(readSpiffeId(text)).toBe(problem);
  });

  it('refuses what is no text', () => {
    for (const value of [undefined, null, 1, ['spiffe://example.org/a'], {}])
      expect(readSpiffeId(value)).toBe('scheme');
  });

  it('reads trust domain and segments as they are written', () => {
    expect(readSpiffeId('spiffe://example.org/Acme/agent/refund_desk-1.0')).toEqual({
      text: 'spiffe://example.org/Acme/agent/refund_desk-1.0',
      trustDomain: 'example.org',
      segments: ['Acme', 'agent', 'refund_desk-1.0'],
    });
    expect(readSpiffeId('spiffe://example.org')).toMatchObject({ segments: [] });
    expect(readSpiffeId('spiffe://example.org/...')).toMatchObject({ segments: ['...'] });
  });

  it('reads 2048 bytes and a trust domain of 255, and one byte more of neither', () => {
    const longest = `spiffe://example.org/${'a'.repeat(2048 - 21)}`;
    expect(readSpiffeId(longest)).toMatchObject({ text: longest });
    expect(readSpiffeId(`${longest}a`)).toBe('too_long');
    const domain = 'a'.repeat(255);
    expect(readSpiffeId(`spiffe://${domain}/a`)).toMatchObject({ trustDomain: domain });
    expect(isTrustDomain(domain)).toBe(true);
    expect(isTrustDomain(`${domain}a`)).toBe(false);
  });
});

describe('SPIFFE ID of an agent', () => {
  it('is made of trust domain, tenant and name, and read back', () => {
    const text = agentSpiffeId('example.org', { tenant: 'acme', name: 'refund-desk' });
    expect(text).toBe('spiffe://example.org/acme/agent/refund-desk');
    expect(readAgentSpiffeId('example.org', text)).toEqual({ tenant: 'acme', name: 'refund-desk' });
  });

  it('of the longest names is a SPIFFE ID', () => {
    const name = 'n'.repeat(255);
    expect(readSpiffeId(agentSpiffeId('d'.repeat(255), { tenant: name, name }))).toBeTypeOf(
      'object',
    );
  });

  it.each(['', '.', '..', 'a/b', 'a b', 'ä', 'a%2fb', 'a\n', 'a'.repeat(256)])(
    'is not made of %j',
    (part) => {
      expect(isAgentName(part)).toBe(false);
      for (const agent of [
        { tenant: part, name: 'a' },
        { tenant: 'a', name: part },
      ])
        expect(() => agentSpiffeId('example.org', agent)).toThrow(
          expect.objectContaining({ refusal: 'agent_name_invalid' }),
        );
    },
  );

  it('of a lookalike trust domain is not ours (F10)', () => {
    for (const domain of ['a.com.evil', 'evil-a.com', 'evil.a.com', 'a.co', 'a.com.', 'A.com'])
      expect(readAgentSpiffeId('a.com', `spiffe://${domain}/acme/agent/desk`)).toBeUndefined();
    expect(readAgentSpiffeId('a.com', 'spiffe://a.com/acme/agent/desk')).toBeDefined();
  });

  it('has exactly tenant, "agent" and name', () => {
    for (const path of [
      'acme/agent',
      'acme/agents/desk',
      'agent/desk',
      'acme/agent/desk/x',
      'acme',
    ])
      expect(readAgentSpiffeId('a.com', `spiffe://a.com/${path}`)).toBeUndefined();
  });
});
