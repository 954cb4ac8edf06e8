-- name: add_program
-- Add an application or a survey.
INSERT INTO program (product, account, owner, name, metadatabase, script, created_at)
VALUES (:product, :account, :owner, :name, :metadatabase, :script, :now)
RETURNING id;

-- name: program_script
-- The script that the program's next deployment takes.
SELECT script FROM program WHERE id = :program;

-- name: set_program_script
-- Replace the script that the program's next deployment takes.
UPDATE program SET script = :script WHERE id = :program;

-- name: delete_program
-- Mark a program as deleted; the first time counts.
UPDATE program SET deleted_at = :now WHERE id = :program AND deleted_at IS NULL;

-- name: delete_deployment
-- Mark a deployment as deleted; the first time counts.
UPDATE deployment SET deleted_at = :now WHERE id = :deployment AND deleted_at IS NULL;

-- name: delete_deployments
-- Mark a program's deployments as deleted; the first time counts.
UPDATE deployment SET deleted_at = :now WHERE program = :program AND deleted_at IS NULL;

-- name: program
-- The program of one product with this id, deleted or not.
SELECT p.id, p.product, p.account, p.owner, p.name, p.created_at, p.deleted_at, m.columns
  FROM program p LEFT JOIN metadatabase m ON m.id = p.metadatabase
 WHERE p.id = :program AND p.product = :product;

-- name: programs
-- Every program of one product in the order they were added, deleted or not.
SELECT p.id, p.product, p.account, p.owner, p.name, p.created_at, p.deleted_at, m.columns
  FROM program p LEFT JOIN metadatabase m ON m.id = p.metadatabase
 WHERE p.product = :product ORDER BY p.id;

-- name: add_deployment
-- Deploy a program; being the newest makes it the current one.
INSERT INTO deployment (program, label, script, variables, caller_id, trunk, created_at,
                        expires_at, max_responses, retry_rules)
VALUES (:program, :label, :script, :variables, :caller_id, :trunk, :now,
        :expires_at, :max_responses, :retry_rules)
RETURNING id;

-- name: deployment
-- One deployment with its program, and whether it is the latest of the program not deleted.
SELECT d.id, d.label, d.script, d.variables, d.caller_id, d.trunk, d.created_at,
       d.expires_at, d.max_responses, d.responses, d.deleted_at,
       d.id = (SELECT max(id) FROM deployment
                WHERE program = d.program AND deleted_at IS NULL), d.retry_rules,
       p.id, p.product, p.account, p.owner, p.name, p.created_at, p.deleted_at, m.columns
  FROM deployment d JOIN program p ON p.id = d.program
  LEFT JOIN metadatabase m ON m.id = p.metadatabase
 WHERE d.id = :deployment;

-- name: deployments
-- Every deployment of a program in the order they were made.
SELECT d.id, d.label, d.script, d.variables, d.caller_id, d.trunk, d.created_at,
       d.expires_at, d.max_responses, d.responses, d.deleted_at,
       d.id = (SELECT max(id) FROM deployment
                WHERE program = d.program AND deleted_at IS NULL), d.retry_rules,
       p.id, p.product, p.account, p.owner, p.name, p.created_at, p.deleted_at, m.columns
  FROM deployment d JOIN program p ON p.id = d.program
  LEFT JOIN metadatabase m ON m.id = p.metadatabase
 WHERE d.program = :program
 ORDER BY d.id;

-- name: count_response
-- Count visits that ran to their end.
UPDATE deployment SET responses = responses + :count WHERE id = :deployment;
