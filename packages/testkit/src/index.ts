export { canonicalText } from './canonical-text.ts';
export {
  type ChainShape,
  detailsOf,
  handOver,
  type IssuedToken,
  issueToken,
  lineage,
  randomCall,
  randomChain,
  randomChild,
  randomRoot,
} from './chain-generator.ts';
export { createTestClock, TEST_TIME, type TestClock } from './clock.ts';
export { cents, randomConstraint, sampleValue } from './constraint-generator.ts';
export { otherS } from './es256.ts';
export { exchangedFor } from './exchanged.ts';
export {
  type Forgery,
  forge,
  forgeSegments,
  headerFor,
  markedHeader,
  type Part,
  proofHeader,
  segment,
  signingInput,
  takeApart,
  tokenHash,
  tokenHeader,
} from './forger.ts';
export { schemaProblem } from './json-schema.ts';
export { plusOrder, type TestKey, testKey } from './keys.ts';
export { narrowConstraint, narrowTools, type ToolMaps } from './narrowing.ts';
export {
  accepts,
  type Call,
  type Circumstances,
  grants,
  inForce,
  namesAudience,
  permits,
  toolsIn,
} from './oracle.ts';
export { type PythonRun, runPython, whyNoPython } from './python.ts';
export { createRandom, type Random } from './random.ts';
export {
  type ConsentOptions,
  consentOf,
  type StatementOptions,
  statementOf,
} from './rotation.ts';
export {
  CAST,
  type ClaimChanges,
  type Departures,
  type Hop,
  type Presented,
  present,
  type Scenario,
  TOOLS,
  testId,
} from './scenario.ts';
export { anyValue, DOMAINS, type Domain, randomValue } from './value-generator.ts';
export {
  type Expected,
  expectedOfDecision,
  judgeVector,
  type PresentationVector,
  readSuite,
  type Vector,
  type VectorSuite,
  verifierOptions,
} from './vector-suite.ts';
