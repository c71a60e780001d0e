{{/*
Settings that other charts have, and what takes their place here. The schema lets them through (it reads this list), so that
this sentence is seen and not "additional properties not allowed".
*/}}
{{- define "keyturn.foreign" -}}
replicas: "the number of servers is `replicaCount`"
autoscaling: "Keyturn waits for people most of the time, so neither CPU nor memory tells how many servers are needed; set `replicaCount` (2 for high availability) instead"
env: "variables are `extraEnv`, as a list of Kubernetes"
envFrom: "it is `extraEnvFrom`"
secret: "secrets are never written into values; make a Secret and name it in `existingSecrets`"
secrets: "secrets are never written into values; make a Secret and name it in `existingSecrets`"
existingSecret: "it is `existingSecrets`, a list of mappings with a `name`"
redis: "Redis is configured in `config.redis`; this chart installs none"
valkey: "Valkey is configured in `config.redis`; this chart installs none"
configMap: "a ConfigMap of yours is `existingConfigMap.name`"
serviceMonitor: "it is `metrics.serviceMonitor`"
prometheusRule: "it is `metrics.prometheusRule`"
pdb: "it is `podDisruptionBudget`"
containerSecurityContext: "it is `securityContext`; the one of the pod is `podSecurityContext`"
imagePullSecrets: "it is `image.pullSecrets`, a list of names"
cronjob: "it is `cronJob`; when it runs is `schedule.scan`"
rbac: "Keyturn has no rights in the cluster and needs none"
{{- end -}}

{{- define "keyturn.check.foreign" -}}
{{- $given := . -}}
{{- range $name, $instead := include "keyturn.foreign" . | fromYaml -}}
{{- if hasKey $given.root.Values $name -}}
{{- template "keyturn.problem" (list $given (printf "%s is not a setting of this chart: %s." $name $instead)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
