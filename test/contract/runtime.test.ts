import { executorContract } from './executor-contract.js';
import { sessionContract } from './session-contract.js';
import { statementContract } from './statement-contract.js';
import { contractTargets } from './targets.js';
import { transactionContract } from './transaction-contract.js';

for (const target of contractTargets()) {
  executorContract(target);
  sessionContract(target);
  transactionContract(target);
  statementContract(target);
}
