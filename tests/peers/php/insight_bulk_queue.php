<?php
// Queue a list of calls of a survey. After the vendor's "Queuing Multiple Outbound Calls".
//
// The vendor's program names the file as '@/path', which PHP has sent as plain text since 5.6:
// UPLOAD=at does so still, anything else uploads the file.
$server = getenv('CALLWRIGHT_URL') ?: 'http://127.0.0.1:8080';
$username = getenv('CALLWRIGHT_USER') ?: 'admin@example.com';
$password = getenv('CALLWRIGHT_KEY') ?: '';
$survey_id = getenv('SURVEY_ID') ?: '2';
$instance_id = getenv('INSTANCE_ID') ?: '2';
$file = getenv('CSV_FILE') ?: 'queue.csv';
$result_url = getenv('RESULT_URL') ?: '';

$ch = curl_init();
$url = $server.'/api/surveys/'.$survey_id.'/'.$instance_id.'/bulk_queue';
$params = array(
	'csv' => getenv('UPLOAD') == 'at' ? '@'.$file : curl_file_create($file),
	'start_timestamp' => strtotime('now'),
	'end_timestamp' => strtotime('+1 hour'),
	'attempts' => 1,
	'result_url' => $result_url,
	);
curl_setopt($ch, CURLOPT_USERPWD, $username.":".$password);
curl_setopt($ch, CURLOPT_POST, 1);
curl_setopt($ch, CURLOPT_POSTFIELDS, $params);
curl_setopt($ch, CURLOPT_URL, $url);
curl_setopt($ch, CURLOPT_RETURNTRANSFER, 1);
curl_setopt($ch, CURLOPT_HTTPHEADER, array("Accept: application/json", "Content-type: multipart/form-data"));
$result = curl_exec($ch);
$http_code = curl_getinfo($ch, CURLINFO_HTTP_CODE);
curl_close($ch);
var_dump($result);
var_dump($http_code);
