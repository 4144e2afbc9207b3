/** The words that the demo company is made of. Every name is invented; addresses are of example.com (RFC 2606). */

export const DEPARTMENTS = ['Engineering', 'Finance', 'Sales', 'Support', 'People', 'Operations'] as const;
export type Department = (typeof DEPARTMENTS)[number];

/** How many people a department has, its head included; the chief executive is one of Operations. 60 in all. */
export const HEADCOUNT: Record<Department, number> = { Engineering: 20, Finance: 9, Sales: 12, Support: 8, People: 4, Operations: 7 };

/** A department's titles: the head's, then those that the others take in turn. */
export const TITLES: Record<Department, readonly [string, ...string[]]> = {
  Engineering: ['VP Engineering', 'Engineering manager', 'Software engineer', 'Platform engineer', 'Data engineer', 'QA engineer'],
  Finance: ['Chief Financial Officer', 'Controller', 'Financial analyst', 'Accounts payable clerk', 'Payroll specialist'],
  Sales: ['VP Sales', 'Regional manager', 'Account executive', 'Sales engineer', 'Sales development representative'],
  Support: ['Head of Support', 'Support lead', 'Support engineer', 'Customer success manager'],
  People: ['Head of People', 'Recruiter', 'People partner'],
  Operations: ['Chief Executive Officer', 'Security lead', 'Security analyst', 'IT administrator', 'Legal counsel', 'Office manager'],
};

export const LOCATIONS = ['Lisbon', 'Toronto', 'Nairobi', 'Hamburg'] as const;

export const PEOPLE =
  `Amara Okafor, Jonas Lindqvist, Priya Raman, Mateo Alvarez, Hana Kobayashi, Leila Haddad, Tomasz Zielinski, Grace Mwangi, Oliver Brandt,
  Sofia Marques, Daniel Abebe, Yuki Tanaka, Nadia Petrova, Lucas Ferreira, Ingrid Solberg, Omar Farouk, Chloe Dubois, Ravi Menon, Elena Rossi,
  Samuel Boateng, Mei Lin, Andrei Popescu, Fatima Zahra, Patrick Nolan, Aisha Bello, Viktor Horvath, Camila Torres, Erik Johansson, Noor Rahman,
  Julia Schneider, Kwame Asante, Beatriz Costa, Arjun Kapoor, Freya Nielsen, Hassan Aziz, Lucia Moreno, Pavel Novak, Zainab Diallo, Liam Gallagher,
  Anika Weber, Diego Castillo, Ewa Nowak, Farid Karimi, Gabriela Pinto, Henrik Dahl, Isabel Navarro, Jamal Carter, Katarina Vukovic, Leo Fontaine,
  Maya Goldberg, Nikhil Desai, Olga Ivanova, Paulo Mendes, Rosa Jimenez, Stefan Keller, Tara Quinn, Uma Nair, Vera Lopes, Wei Zhang, Yasmin Sharif`
    .split(',')
    .map((name) => name.trim());

/** Name, owner's department, what it is for. */
export const SERVICE_ACCOUNTS: readonly (readonly [string, Department, string])[] = [
  ['svc-billing-export', 'Finance', 'Nightly export of invoices to the ledger'],
  ['svc-payroll-sync', 'People', 'Hands changes of staff to payroll'],
  ['svc-warehouse-loader', 'Engineering', 'Loads the warehouse'],
  ['svc-dashboard', 'Engineering', 'Runs the queries behind the dashboards'],
  ['svc-ci-deploy', 'Engineering', 'Deploys what the build made'],
  ['svc-backup', 'Operations', 'Backups of databases and buckets'],
  ['svc-log-shipper', 'Engineering', 'Ships logs to the archive'],
  ['svc-crm-sync', 'Sales', 'Keeps CRM and warehouse in step'],
  ['svc-support-bot', 'Support', 'Answers what customers ask most'],
  ['svc-fraud-scoring', 'Finance', 'Scores payments'],
  ['svc-secret-rotation', 'Operations', 'Rotates keys'],
  ['svc-legacy-ftp', 'Operations', 'Fetches statements of a bank; replaced in spring, never switched off'],
];

/** Groups beside those of the departments: name, owner's department, the groups it lies within, who belongs to it. */
export const TEAMS: readonly { name: string; department: Department; within: readonly string[]; titles: readonly string[] }[] = [
  { name: 'Platform engineers', department: 'Engineering', within: ['Engineering'], titles: ['Platform engineer'] },
  { name: 'Data engineers', department: 'Engineering', within: ['Engineering', 'Warehouse readers'], titles: ['Data engineer'] },
  { name: 'Warehouse readers', department: 'Engineering', within: [], titles: ['Financial analyst', 'Controller'] },
  { name: 'Finance approvers', department: 'Finance', within: ['Finance'], titles: ['Chief Financial Officer', 'Controller'] },
  { name: 'Payroll', department: 'People', within: ['Warehouse readers'], titles: ['Payroll specialist', 'Head of People'] },
  { name: 'On call', department: 'Operations', within: [], titles: ['Platform engineer', 'Support lead', 'IT administrator'] },
  { name: 'Production administrators', department: 'Operations', within: ['On call'], titles: ['IT administrator', 'Security lead'] },
  { name: 'Security', department: 'Operations', within: ['Operations'], titles: ['Security lead', 'Security analyst'] },
];

export const JUSTIFICATIONS = [
  'Quarterly close',
  'On-call duty',
  'Migration of the customer records',
  'Asked for by the head of the department',
  'Incident follow-up',
  'Part of the role',
  'Audit preparation',
  'Covers for a colleague on leave',
] as const;

export const REVOKE_REASONS = [
  'Left the team',
  'Not needed any more',
  'Project ended',
  'Granted by mistake',
  'Found unused in a review',
] as const;
