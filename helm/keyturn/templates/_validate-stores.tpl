{{/* Stores of type dotenv-file: their files outlive the pod, and belong to one pod at a time. Arguments: root, found, name (of the store), directory. */}}
{{- define "keyturn.check.fileStore" -}}
{{- $mount := include "keyturn.mountAt" (dict "root" .root "path" .directory) | fromJson -}}
{{- if ne $mount.kind "volume" -}}
{{- template "keyturn.problem" (list . (printf "config.stores.%s writes to %s, where no volume of yours is mounted: mount the one that your applications read with extraVolumes and extraVolumeMounts." .name .directory)) -}}
{{- else if eq (toString $mount.of) "emptyDir" -}}
{{- template "keyturn.problem" (list . (printf "config.stores.%s writes to %s, an emptyDir, which is lost with the pod and seen by nobody else: mount a volume that your applications read too." .name .directory)) -}}
{{- end -}}
{{- if include "keyturn.hasServer" .root -}}
{{- template "keyturn.check.oneHost" . -}}
{{- end -}}
{{- end -}}

{{/* Each pod has a host name of its own. Keyturn refuses a second host (exit 78) while the first is at work, whatever kind the volume is. */}}
{{- define "keyturn.check.oneHost" -}}
{{- $values := .root.Values -}}
{{- $why := printf "config.stores.%s is a dotenv-file store, which one pod at a time may work with, also on shared storage" .name -}}
{{- if gt (int $values.replicaCount) 1 -}}
{{- template "keyturn.problem" (list . (printf "%s, and replicaCount is %d: the others would end with exit code 78. Set replicaCount to 1, or keep the keys in a secrets manager." $why (int $values.replicaCount))) -}}
{{- end -}}
{{- if include "keyturn.hasCronJob" .root -}}
{{- template "keyturn.problem" (list . (printf "%s, and schedule.mode is cronjob: the CronJob's pod would end with exit code 78 while the server runs. Set schedule.mode to embedded." $why)) -}}
{{- end -}}
{{- if and $values.strategy (ne (toString $values.strategy.type) "Recreate") -}}
{{- template "keyturn.problem" (list . (printf "%s, and strategy is not Recreate: the new pod would wait for the old one to end, and the old one for the new one to be ready. Remove strategy; the chart then uses Recreate." $why)) -}}
{{- end -}}
{{- end -}}
