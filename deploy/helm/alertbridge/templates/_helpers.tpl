{{- define "alertbridge.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "alertbridge.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "alertbridge.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "alertbridge.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "alertbridge.selectorLabels" -}}
app.kubernetes.io/name: {{ include "alertbridge.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "alertbridge.labels" -}}
{{ include "alertbridge.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "alertbridge.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "alertbridge.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "alertbridge.secretName" -}}
{{- default (include "alertbridge.fullname" .) .Values.secret.existingSecret -}}
{{- end -}}

{{- define "alertbridge.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The port of config.server.listen. */}}
{{- define "alertbridge.port" -}}
{{- regexFind "[0-9]+$" .Values.config.server.listen -}}
{{- end -}}

{{/* A duration of the configuration in whole seconds, rounded up. */}}
{{- define "alertbridge.seconds" -}}
{{- $number := regexFind "^[0-9]+" . | int64 -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- if eq $unit "ms" -}}
{{- div (add $number 999) 1000 -}}
{{- else -}}
{{- mul $number (get (dict "s" 1 "m" 60 "h" 3600 "d" 86400) $unit) -}}
{{- end -}}
{{- end -}}

{{/* Above delivery.drain_timeout by a margin. */}}
{{- define "alertbridge.gracePeriod" -}}
{{- $drain := dig "delivery" "drain_timeout" "25s" .Values.config -}}
{{- add (include "alertbridge.seconds" $drain) .Values.shutdownMarginSeconds -}}
{{- end -}}

{{/* The configuration file: `config`, and the folder of the mappings if there are some. */}}
{{- define "alertbridge.configuration" -}}
{{- $config := deepCopy .Values.config -}}
{{- if .Values.mappings -}}
{{- $mapping := default dict $config.mapping -}}
{{- $_ := set $mapping "directories" (prepend (default list $mapping.directories) "/etc/alertbridge-mappings") -}}
{{- $_ := set $config "mapping" $mapping -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}
