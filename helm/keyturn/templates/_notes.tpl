{{/* What NOTES.txt says: lists of sentences, as JSON. Never a secret: only names, and what is or is not set. */}}

{{/* What works, and may surprise. */}}
{{- define "keyturn.notes.warnings" -}}
{{- $values := .Values -}}
{{- $config := $values.config | default dict -}}
{{- $job := include "keyturn.cronJobName" . -}}
{{- $all := list -}}
{{- if $values.existingConfigMap.name -}}
{{- $all = append $all (printf "The configuration is the ConfigMap %s, which the chart cannot look into: it must have `http: { host: 0.0.0.0, port: %d, metricsPort: %d }` and `schedule: { mode: %s }`, and every file it refers to must be mounted. With a dotenv-file store it needs `schedule.mode: embedded`, one replica and `strategy: { type: Recreate }` in the values. Restart the pods when it changes." $values.existingConfigMap.name (int $values.ports.http) (int $values.ports.metrics) (ternary "cronjob" $values.schedule.mode (eq $values.workload "jobOnly"))) -}}
{{- end -}}
{{- if and $values.schedule.suspend (include "keyturn.hasCronJob" .) -}}
{{- $all = append $all (printf "schedule.suspend is true: the CronJob %s does not start by itself. Remove it to scan on schedule." $job) -}}
{{- end -}}
{{- if and (include "keyturn.hasServer" .) (eq (int $values.replicaCount) 0) -}}
{{- $all = append $all "replicaCount is 0: rotations are opened and then stand still, and Slack gets no answer. Set it to 1 or more to go on." -}}
{{- end -}}
{{- if eq $values.workload "jobOnly" -}}
{{- $all = append $all (printf "Job-only: Keyturn works only while the CronJob runs (%q, %s). No timer is more precise than the pause between two runs; `doctor` says when a pause is too long for one." $values.schedule.scan $values.schedule.timeZone) -}}
{{- if and (($config.slack).appToken) (not $values.cronJob.wait) -}}
{{- $all = append $all "Slack is configured and cronJob.wait is not: cards have no buttons and name commands, since nobody would hear a click. Set cronJob.wait, such as 20m, to have buttons." -}}
{{- end -}}
{{- end -}}
{{- if include "keyturn.auditOnOneNode" . -}}
{{- $second := ternary ", and pods of the CronJob wait for room on the server's node" "" (and (include "keyturn.hasServer" .) (include "keyturn.hasCronJob" .) | empty | not) -}}
{{- $first := ternary "an upgrade stops the server before it starts the new one" "a run waits for room on the node where the volume is" (eq $values.workload "full") -}}
{{- $all = append $all (printf "The audit volume can be mounted on one node only: %s%s. Nothing to do if that is fine; a volume that is ReadWriteMany (audit.persistence.accessModes) has no such limit." $first $second) -}}
{{- end -}}
{{- range $name := include "keyturn.fileStores" . | fromJsonArray -}}
{{- $what := printf "The store %s keeps keys in files in %s, where one pod at a time may work." $name (get $config.stores $name).directory -}}
{{- if eq $values.workload "jobOnly" -}}
{{- $all = append $all (printf "%s Start no run by hand while one of the CronJob is there: the later one would end with exit code 78." $what) -}}
{{- else -}}
{{- $all = append $all (printf "%s An upgrade therefore stops the server before it starts the new one. `helm test` is another pod and does not try this store; the server's pod does: kubectl -n %s exec deploy/%s -- %s doctor" $what $.Release.Namespace (include "keyturn.fullname" $) (include "keyturn.cli" $)) -}}
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
{{- $all = append $all (printf "metrics.%s was left out: this cluster does not know %s (or was not asked). Install the Prometheus operator, or set renderMode to alwaysRender where nobody asks the cluster." $name $kind) -}}
{{- end -}}
{{- end -}}
{{- toJson $all -}}
{{- end -}}

{{/* What is not set, and what that means. */}}
{{- define "keyturn.notes.unset" -}}
{{- $values := .Values -}}
{{- $config := $values.config | default dict -}}
{{- $isFull := eq $values.workload "full" -}}
{{- /* Where people run a command. */ -}}
{{- $terminal := ternary (printf "kubectl -n %s exec -it deploy/%s -- %s" .Release.Namespace (include "keyturn.fullname" .) (include "keyturn.cli" .)) "from a place that reaches Redis: keyturn" $isFull -}}
{{- $all := list -}}
{{- if not (contains "/" $values.image.repository) -}}
{{- $all = append $all (printf "image.repository: nodes look for %s in their default registry. Build the image, push it to yours, and name it with its registry." $values.image.repository) -}}
{{- end -}}
{{- if not $values.existingConfigMap.name -}}
{{- if and (not $config.targets) (not $config.rules) -}}
{{- $all = append $all "config.targets: nothing will be rotated. Name the keys there, or find them with config.rules." -}}
{{- end -}}
{{- if not $config.slack -}}
{{- $all = append $all (printf "config.slack: nobody is asked for approval. Set it, or look what waits and approve it by hand (%s list, then approve TARGET)." $terminal) -}}
{{- end -}}
{{- if not $config.approvers -}}
{{- $all = append $all "config.approvers: whoever may run a command in a pod may approve. Name who may." -}}
{{- end -}}
{{- if and $isFull (not (($config.http).publicUrl)) (not (and $values.ingress.enabled $values.ingress.host)) -}}
{{- $all = append $all (printf "config.http.publicUrl (or ingress.host): no links and no one-time page%s. Set it, or hand replacement keys over in a terminal (%s submit TARGET)." (ternary ", and Slack cannot reach Keyturn" "" (not (empty (($config.slack).signingSecret)))) $terminal) -}}
{{- end -}}
{{- if and (not $values.audit.persistence.enabled) (not (($config.audit).file)) -}}
{{- $all = append $all "audit.persistence: the log lines are the only evidence outside Redis. Enable it, or collect the log lines and keep them: `audit verify` and a rebuild after a loss of Redis read nothing else." -}}
{{- end -}}
{{- end -}}
{{- if $isFull -}}
{{- if eq (int $values.replicaCount) 1 -}}
{{- $all = append $all (printf "replicaCount: with one server Slack gets no answer while its node is drained. %s." (ternary "Nothing to do while the store is files: only a secrets manager allows two" (ternary "Set it to 2, with an audit volume that is ReadWriteMany" "Set it to 2" (include "keyturn.auditOnOneNode" . | empty | not)) (include "keyturn.fileStores" . | fromJsonArray | empty | not))) -}}
{{- end -}}
{{- if not (or $values.metrics.serviceMonitor.enabled $values.metrics.podMonitor.enabled $values.metrics.service.enabled) -}}
{{- $all = append $all "metrics.serviceMonitor or metrics.podMonitor: nobody scrapes the metrics. Enable one, or metrics.service without the Prometheus operator." -}}
{{- end -}}
{{- if not $values.metrics.prometheusRule.enabled -}}
{{- $all = append $all "metrics.prometheusRule: nobody is alerted when a rotation stands still. Enable it, or load helm/keyturn/alerts/keyturn.rules.yaml into your Prometheus." -}}
{{- else if not $values.metrics.prometheusRule.runbookBaseUrl -}}
{{- $all = append $all "metrics.prometheusRule.runbookBaseUrl: alerts name the runbook by its path in the repository only. Set the address of your copy." -}}
{{- end -}}
{{- end -}}
{{- if not $values.networkPolicy.enabled -}}
{{- $all = append $all "networkPolicy: the pods may reach, and be reached by, everything that your cluster allows. Enable it, with the peers of docs/kubernetes.md, section 10." -}}
{{- end -}}
{{- toJson $all -}}
{{- end -}}
