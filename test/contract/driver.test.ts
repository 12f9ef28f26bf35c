import { driverContract } from './driver-contract.js';
import { driverStatementsContract } from './driver-statements-contract.js';
import { errorContract } from './error-contract.js';
import { pipelineContract } from './pipeline-contract.js';
import { contractTargets } from './targets.js';
import { typeContract } from './type-contract.js';

for (const target of contractTargets()) {
  driverContract(target);
  driverStatementsContract(target);
  pipelineContract(target);
  errorContract(target);
  typeContract(target);
  target.typeTable(target);
}
