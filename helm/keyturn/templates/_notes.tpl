{{/* What NOTES.txt says: lists of sentences, as JSON. Never a secret: only names, and what is or is not set. */}}

{{/* What works, and may surprise. */}}
{{- define "keyturn.notes.warnings" -}}
{{- $values := .Values -}}
{{- $config := $values.config | default dict -}}
{{- $job := include "keyturn.cronJobName" . -}}
{{- $all := list -}}
{{- if $values.existingConfigMap.name -}}
{{- $all = append $all (printf "The configuration is the ConfigMap %s, which the chart cannot look into: it must have `http: { host: 0.0.0.0, port: %d, metricsPort: %d }` and `schedule: { mode: %s }`, and every file it refers to must be mounted. Restart the pods when it changes." $values.existingConfigMap.name (int $values.ports.http) (int $values.ports.metrics) (ternary "cronjob" $values.schedule.mode (eq $values.workload "jobOnly"))) -}}
{{- end -}}
{{- if and $values.schedule.suspend (include "keyturn.hasCronJob" .) -}}
{{- $all = append $all (printf "schedule.suspend is true: the CronJob %s does not start by itself." $job) -}}
{{- end -}}
{{- if and (include "keyturn.hasServer" .) (eq (int $values.replicaCount) 0) -}}
{{- $all = append $all "replicaCount is 0: rotations are opened and then stand still, and Slack gets no answer." -}}
{{- end -}}
{{- if eq $values.workload "jobOnly" -}}
{{- $all = append $all (printf "Job-only: Keyturn works only while the CronJob runs (%q, %s). No timer is more precise than the pause between two runs; `doctor` says when a pause is too long for one." $values.schedule.scan $values.schedule.timeZone) -}}
{{- if and (($config.slack).appToken) (not $values.cronJob.wait) -}}
{{- $all = append $all "Slack is configured and cronJob.wait is not: cards have no buttons and name commands, since nobody would hear a click." -}}
{{- end -}}
{{- end -}}
{{- if include "keyturn.auditOnOneNode" . -}}
{{- $all = append $all "The audit volume can be mounted on one node only: an upgrade stops the server before it starts the new one, and the CronJob waits for room on the server's node." -}}
{{- end -}}
{{- range $name := include "keyturn.fileStores" . | fromJsonArray -}}
{{- $what := printf "The store %s is files in %s, which one pod at a time may work with." $name (get $config.stores $name).directory -}}
{{- if eq $values.workload "jobOnly" -}}
{{- $all = append $all (printf "%s Let no run by hand overlap with one of the CronJob: the later one ends with exit code 78." $what) -}}
{{- else -}}
{{- $all = append $all (printf "%s An upgrade therefore stops the server before it starts the new one, and `helm test` warns that it did not try this store: for that run `doctor` in the server's pod, kubectl -n %s exec deploy/%s -- %s doctor" $what $.Release.Namespace (include "keyturn.fullname" $) (include "keyturn.cli" $)) -}}
{{- end -}}
{{- end -}}
{{- if and (regexMatch "^redis://" (toString (($config.redis).url))) (not (include "keyturn.isOwnPod" (($config.redis).url))) -}}
{{- if not (($config.redis).tls) -}}
{{- $all = append $all "config.redis.url has no TLS: what is in Redis (no keys, but who decides what) is readable on the way. Use rediss:// or config.redis.tls." -}}
{{- end -}}
{{- end -}}
{{- range $name, $kind := dict "serviceMonitor" "ServiceMonitor" "podMonitor" "PodMonitor" "prometheusRule" "PrometheusRule" -}}
{{- $set := get $values.metrics $name -}}
{{- if and $set.enabled (not (include "keyturn.knowsMonitoring" (dict "root" $ "set" $set "kind" $kind))) -}}
{{- $all = append $all (printf "metrics.%s was left out: this cluster does not know %s (or was not asked)." $name $kind) -}}
{{- end -}}
{{- end -}}
{{- toJson $all -}}
{{- end -}}

{{/* What is not set, and what that means. */}}
{{- define "keyturn.notes.unset" -}}
{{- $values := .Values -}}
{{- $config := $values.config | default dict -}}
{{- $isFull := eq $values.workload "full" -}}
{{- $all := list -}}
{{- if not (contains "/" $values.image.repository) -}}
{{- $all = append $all (printf "image.repository: nodes look for %s in their default registry. Build the image, push it to yours, and name it with its registry." $values.image.repository) -}}
{{- end -}}
{{- if not $values.existingConfigMap.name -}}
{{- if and (not $config.targets) (not $config.rules) -}}
{{- $all = append $all "config.targets: nothing will be rotated." -}}
{{- end -}}
{{- if not $config.slack -}}
{{- $all = append $all "config.slack: nobody is asked for approval; somebody has to run `keyturn list` and `keyturn approve`." -}}
{{- end -}}
{{- if not $config.approvers -}}
{{- $all = append $all "config.approvers: whoever may run a command in a pod may approve." -}}
{{- end -}}
{{- if and $isFull (not (($config.http).publicUrl)) (not (and $values.ingress.enabled $values.ingress.host)) -}}
{{- $all = append $all (printf "config.http.publicUrl (or ingress.host): no links and no one-time page; replacement keys are handed over with `keyturn submit`%s." (ternary ", and Slack cannot reach Keyturn" "" (not (empty (($config.slack).signingSecret))))) -}}
{{- end -}}
{{- if and (not $values.audit.persistence.enabled) (not (($config.audit).file)) -}}
{{- $all = append $all "audit.persistence: the log lines are the only evidence outside Redis. Collect them, or `audit verify` and a rebuild after a loss of Redis have nothing to read." -}}
{{- end -}}
{{- end -}}
{{- if $isFull -}}
{{- if eq (int $values.replicaCount) 1 -}}
{{- $all = append $all "replicaCount: with one server Slack gets no answer while its node is drained. 2 is highly available." -}}
{{- end -}}
{{- if not (or $values.metrics.serviceMonitor.enabled $values.metrics.podMonitor.enabled $values.metrics.service.enabled) -}}
{{- $all = append $all "metrics.serviceMonitor or metrics.podMonitor: nobody scrapes the metrics." -}}
{{- end -}}
{{- if not $values.metrics.prometheusRule.enabled -}}
{{- $all = append $all "metrics.prometheusRule: nobody is alerted when a rotation stands still." -}}
{{- else if not $values.metrics.prometheusRule.runbookBaseUrl -}}
{{- $all = append $all "metrics.prometheusRule.runbookBaseUrl: alerts name the runbook by its path in the repository only." -}}
{{- end -}}
{{- end -}}
{{- if not $values.networkPolicy.enabled -}}
{{- $all = append $all "networkPolicy: the pods may reach, and be reached by, everything that your cluster allows." -}}
{{- end -}}
{{- toJson $all -}}
{{- end -}}
