{{/* Where the audit log goes, and whether all pods that write it can reach it. */}}
{{- define "keyturn.check.audit" -}}
{{- $values := .root.Values -}}
{{- $audit := $values.audit.persistence -}}
{{- $file := (($values.config).audit).file -}}
{{- $folder := include "keyturn.auditFolder" .root -}}
{{- if $audit.enabled -}}
{{- if and (eq $values.workload "full") (gt (int $values.replicaCount) 1) (include "keyturn.auditOnOneNode" .root) -}}
{{- template "keyturn.problem" (list . (printf "replicaCount is %d and audit.persistence.accessModes is %s, but such a volume can be mounted on one node only: use ReadWriteMany, or leave the audit log in the logs (audit.persistence.enabled: false), or set replicaCount to 1." (int $values.replicaCount) (join ", " $audit.accessModes))) -}}
{{- end -}}
{{- if and (has "ReadWriteOncePod" $audit.accessModes) (include "keyturn.hasServer" .root) (include "keyturn.hasCronJob" .root) -}}
{{- template "keyturn.problem" (list . "audit.persistence.accessModes is ReadWriteOncePod, but the Deployment and the CronJob both write the audit log: use ReadWriteOnce or ReadWriteMany, or schedule.mode embedded.") -}}
{{- end -}}
{{- if $values.existingConfigMap.name -}}
{{- /* The file is named there; the volume is all that the chart adds. */ -}}
{{- else if $file -}}
{{- template "keyturn.problem" (list . (printf "config.audit.file is set by the chart to %s while audit.persistence is enabled: remove it." (include "keyturn.auditFile" .root))) -}}
{{- end -}}
{{- else if $file -}}
{{- $mount := include "keyturn.mountAt" (dict "root" .root "path" $file) | fromJson -}}
{{- if eq $mount.kind "none" -}}
{{- template "keyturn.problem" (list . (printf "config.audit.file is %s, where nothing is mounted, and the root file system is read-only: enable audit.persistence (it sets the file), or mount a volume there with extraVolumes and extraVolumeMounts." $file)) -}}
{{- else if eq $mount.kind "secret" -}}
{{- template "keyturn.problem" (list . (printf "config.audit.file is %s, a Secret, which cannot be written to: enable audit.persistence." $file)) -}}
{{- else if or (eq $mount.kind "tmp") (eq (toString $mount.of) "emptyDir") -}}
{{- template "keyturn.problem" (list . (printf "config.audit.file is %s, which is lost with the pod: enable audit.persistence, or leave the audit log in the logs." $file)) -}}
{{- end -}}
{{- end -}}
{{- if and (eq (toString (($values.config).audit).log) "false") (not $audit.enabled) (not $file) -}}
{{- template "keyturn.problem" (list . "config.audit.log is false and there is no audit file, so there would be no evidence at all: set it to true, or enable audit.persistence.") -}}
{{- end -}}
{{- end -}}
