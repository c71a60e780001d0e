# Companions and rights for the secrets that Keyturn rotates. Put this file and the two JSON files beside it into a module:
#
#   module "keyturn" {
#     source  = "./keyturn"
#     project = "my-project-1"
#     secrets = ["prod-anthropic-api-key"]
#     member  = "serviceAccount:keyturn@my-project-1.iam.gserviceaccount.com"
#   }

variable "project" {
  type = string
}

variable "secrets" {
  type        = set(string)
  description = "Ids of the secrets that applications read; they exist already."
}

variable "member" {
  type        = string
  description = "Who runs Keyturn, as IAM names it."
}

locals {
  secret_role    = jsondecode(file("${path.module}/google-secret-role.json"))
  companion_role = jsondecode(file("${path.module}/google-companion-role.json"))
}

# Where a replacement waits. No application reads it. Give it the replication and the encryption key of the secret itself,
# and no version_destroy_ttl: destroyed values would be kept until that time is over.
resource "google_secret_manager_secret" "companion" {
  for_each  = var.secrets
  project   = var.project
  secret_id = "${each.value}-keyturn-pending"
  replication {
    auto {}
  }
}

resource "google_project_iam_custom_role" "secret" {
  project     = var.project
  role_id     = "keyturnSecret"
  title       = local.secret_role.title
  permissions = local.secret_role.includedPermissions
}

resource "google_project_iam_custom_role" "companion" {
  project     = var.project
  role_id     = "keyturnCompanion"
  title       = local.companion_role.title
  permissions = local.companion_role.includedPermissions
}

# Bound on each secret, never on the project.
resource "google_secret_manager_secret_iam_member" "secret" {
  for_each  = var.secrets
  project   = var.project
  secret_id = each.value
  role      = google_project_iam_custom_role.secret.id
  member    = var.member
}

resource "google_secret_manager_secret_iam_member" "companion" {
  for_each  = var.secrets
  project   = var.project
  secret_id = google_secret_manager_secret.companion[each.value].secret_id
  role      = google_project_iam_custom_role.companion.id
  member    = var.member
}
