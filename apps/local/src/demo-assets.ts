import type { Department } from './company-words.js';

export type AssetType = 'dataset' | 'table' | 'database' | 'bucket' | 'application' | 'api' | 'report' | 'host' | 'secret' | 'other';
export type Sensitivity = 'public' | 'internal' | 'confidential' | 'restricted';
export type Privilege = 'read' | 'write' | 'admin';

export interface AssetLine {
  name: string;
  type: AssetType;
  sensitivity: Sensitivity;
  department: Department;
  parent: string | null;
  tags: readonly string[];
}

/** What can be granted on an asset of a type, least first. */
export const PERMISSIONS: Record<AssetType, readonly (readonly [string, Privilege])[]> = {
  dataset: [
    ['read', 'read'],
    ['edit', 'write'],
  ],
  table: [
    ['SELECT', 'read'],
    ['INSERT', 'write'],
    ['UPDATE', 'write'],
    ['OWNER', 'admin'],
  ],
  database: [
    ['CONNECT', 'read'],
    ['OWNER', 'admin'],
  ],
  bucket: [
    ['get', 'read'],
    ['put', 'write'],
    ['manage', 'admin'],
  ],
  application: [
    ['use', 'read'],
    ['edit', 'write'],
    ['administer', 'admin'],
  ],
  api: [
    ['call', 'read'],
    ['manage', 'admin'],
  ],
  report: [
    ['view', 'read'],
    ['edit', 'write'],
  ],
  host: [
    ['login', 'write'],
    ['sudo', 'admin'],
  ],
  secret: [
    ['get', 'read'],
    ['rotate', 'admin'],
  ],
  other: [['use', 'read']],
};

const LETTERS: Record<string, Sensitivity> = { p: 'public', i: 'internal', c: 'confidential', r: 'restricted' };

/** One line an asset: name, type, sensitivity (its first letter), department, parent, tags. A parent stands before what lies in it. */
const LINES = `
warehouse            | database    | c | Engineering |                | prod
finance.ledger       | table       | r | Finance     | warehouse      | sox, prod
finance.invoices     | table       | c | Finance     | warehouse      | sox
finance.payments     | table       | r | Finance     | warehouse      | sox, pci
finance.budget       | table       | c | Finance     | warehouse      |
finance.vendors      | table       | c | Finance     | warehouse      | sox
people.employees     | table       | r | People      | warehouse      | gdpr
people.salaries      | table       | r | People      | warehouse      | gdpr, sox
people.absences      | table       | r | People      | warehouse      | gdpr
people.candidates    | table       | c | People      | warehouse      | gdpr
sales.accounts       | table       | c | Sales       | warehouse      |
sales.opportunities  | table       | c | Sales       | warehouse      |
sales.contracts      | table       | r | Sales       | warehouse      | sox
sales.regions        | table       | i | Sales       | warehouse      |
support.tickets      | table       | c | Support     | warehouse      | gdpr
support.surveys      | table       | i | Support     | warehouse      |
product.events       | table       | c | Engineering | warehouse      | gdpr
product.features     | table       | i | Engineering | warehouse      |
orders               | database    | r | Engineering |                | prod, pci
orders.orders        | table       | c | Engineering | orders         | prod
orders.cards         | table       | r | Engineering | orders         | prod, pci
orders.customers     | table       | r | Engineering | orders         | prod, gdpr
orders.refunds       | table       | c | Finance     | orders         | prod, sox
identity             | database    | r | Operations  |                | prod
identity.accounts    | table       | r | Operations  | identity       | prod, gdpr
identity.sessions    | table       | c | Operations  | identity       | prod
staging              | database    | i | Engineering |                |
staging.orders       | table       | i | Engineering | staging        |
Revenue by region    | dataset     | c | Finance     | warehouse      | sox
Churn model features | dataset     | c | Engineering | warehouse      |
Customer 360         | dataset     | r | Sales       | warehouse      | gdpr
Web traffic          | dataset     | i | Sales       | warehouse      |
Open positions       | dataset     | p | People      |                |
Price list           | dataset     | p | Sales       |                |
invoice-archive      | bucket      | c | Finance     |                | sox
contract-scans       | bucket      | r | Sales       |                |
payroll-exports      | bucket      | r | People      |                | gdpr
database-backups     | bucket      | r | Operations  |                | prod
build-artifacts      | bucket      | i | Engineering |                |
application-logs     | bucket      | c | Engineering |                | prod
website-assets       | bucket      | p | Sales       |                |
support-attachments  | bucket      | c | Support     |                | gdpr
ERP                  | application | r | Finance     |                | sox
Expense tool         | application | i | Finance     |                |
Bank portal          | application | r | Finance     |                | sox
HR suite             | application | r | People      |                | gdpr
Recruiting           | application | c | People      |                | gdpr
CRM                  | application | c | Sales       |                |
Quoting              | application | i | Sales       | CRM            |
Help desk            | application | c | Support     |                |
Knowledge base       | application | p | Support     | Help desk      |
Source control       | application | c | Engineering |                |
Build system         | application | c | Engineering | Source control |
Monitoring           | application | i | Engineering |                | prod
Cloud console        | application | r | Operations  |                | prod
Wiki                 | application | i | Operations  |                |
Password vault       | application | r | Operations  |                |
Orders API           | api         | c | Engineering |                | prod
Payments API         | api         | r | Finance     |                | prod, pci
Customers API        | api         | c | Engineering |                | prod, gdpr
Partner API          | api         | i | Sales       |                |
Directory API        | api         | c | Operations  |                |
Monthly close        | report      | r | Finance     | ERP            | sox
Cash forecast        | report      | c | Finance     | ERP            |
Pipeline             | report      | c | Sales       | CRM            |
Head count           | report      | c | People      | HR suite       |
Service levels       | report      | i | Support     | Help desk      |
Incident history     | report      | i | Operations  |                |
app-prod-1           | host        | r | Engineering |                | prod
app-prod-2           | host        | r | Engineering |                | prod
db-prod-1            | host        | r | Operations  |                | prod
bastion              | host        | r | Operations  |                | prod
build-runner         | host        | c | Engineering | Build system   |
orders-db-password   | secret      | r | Engineering | orders         | prod
payment-signing-key  | secret      | r | Finance     | Payments API   | prod, pci
deploy-token         | secret      | r | Engineering | Build system   |
tls-certificate      | secret      | c | Operations  |                | prod
crm-api-key          | secret      | c | Sales       | CRM            |
Server room          | other       | r | Operations  |                |
Office alarm         | other       | i | Operations  |                |
`;

export const ASSETS: readonly AssetLine[] = LINES.trim()
  .split('\n')
  .map((line) => {
    const [name = '', type, letter = '', department, parent, tags = ''] = line.split('|').map((cell) => cell.trim());
    return {
      name,
      type: type as AssetType,
      sensitivity: LETTERS[letter] ?? 'internal',
      department: department as Department,
      parent: parent || null,
      tags: tags
        .split(',')
        .map((tag) => tag.trim())
        .filter((tag) => tag !== ''),
    };
  });
