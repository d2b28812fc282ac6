import { type Attributes, type Span, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import { DENIALS } from '@taper/core';
import { recordedName } from './audit/arguments.ts';
import type { EnforcementDecision } from './decision.ts';
import type { EnforcementPoint } from './enforcement-point.ts';

/**
 * An enforcement point that makes one span a decision, `taper.authorize`, and is otherwise the one given. What it calls runs
 * inside the span. Without an OpenTelemetry SDK nothing is recorded and nothing costs anything.
 *
 * The attributes are names and identifiers: verdict, code, tool, thumbprint of the agent, event. Never arguments, tokens,
 * proofs or keys; nor does a span record an exception. A denial is a result: the status is an error only where the
 * enforcement point itself, or what it needs, has failed.
 *
 * @param tracer default: that of `@taper/enforce` at the global provider.
 */
export function traced<Point extends EnforcementPoint>(
  point: Point,
  tracer: Tracer = trace.getTracer('@taper/enforce'),
): Point {
  const authorize: EnforcementPoint['authorize'] = (presentation, tool, args, context) => {
    const judge = async (span: Span | undefined): Promise<EnforcementDecision> => {
      const decision = await point.authorize(presentation, tool, args, context);
      describe(span, tool, decision);
      return decision;
    };
    let decision: Promise<EnforcementDecision> | undefined;
    try {
      tracer.startActiveSpan('taper.authorize', (span) => {
        decision = judge(span);
      });
    } catch {
      // A tracer that throws is no reason not to decide.
    }
    return decision ?? judge(undefined);
  };
  return Object.freeze({ ...point, authorize });
}

/** Ends the span. A tracer that throws changes no decision. */
function describe(span: Span | undefined, tool: unknown, decision: EnforcementDecision): void {
  try {
    span?.setAttributes(attributesOf(tool, decision));
    if (decision.verdict === 'deny' && DENIALS[decision.denial.code].http >= 500)
      span?.setStatus({ code: SpanStatusCode.ERROR, message: decision.denial.code });
    span?.end();
  } catch {
    // Whoever watches spans will miss one.
  }
}

function attributesOf(tool: unknown, decision: EnforcementDecision): Attributes {
  const { verdict, event } = decision;
  return {
    'taper.verdict': verdict,
    ...(typeof tool === 'string' ? { 'taper.tool': recordedName(tool) } : {}),
    ...(decision.verdict === 'permit'
      ? {
          'taper.agent': decision.chain.leaf.claims.holder.thumbprint,
          'taper.chain.length': decision.chain.tokens.length,
        }
      : { 'taper.denial.code': decision.denial.code }),
    ...(decision.verdict === 'deny' && decision.denial.hop !== undefined
      ? { 'taper.denial.hop': decision.denial.hop }
      : {}),
    ...(event === undefined
      ? {}
      : { 'taper.event.id': event.id, 'taper.event.sequence': event.sequence }),
  };
}
